import { spawn } from 'node:child_process';

/** `enter` goes before a command that shall run inside. */
export interface Namespace {
  readonly enter: readonly string[];
  leave(): void;
}

/**
 * A network of its own whose loopback is as slow and lossy as `netem` says; the machine's own network
 * if it says nothing; undefined where the system does not allow it.
 */
export async function enterNamespace(
  netem: readonly string[] | undefined,
): Promise<Namespace | undefined> {
  if (netem === undefined) return { enter: [], leave: () => undefined };
  // Packets of ordinary size: loopback's own are 64 KiB, and 1 % of those is another matter.
  const setUp = [
    'ip link set lo up mtu 1500 gso_max_segs 1',
    `tc qdisc add dev lo root netem ${netem.join(' ')}`,
    'echo ready',
    'exec cat',
  ].join(' && ');
  const holder = spawn('unshare', ['-rn', 'sh', '-c', setUp], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ready = await new Promise<boolean>((resolve) => {
    holder.once('error', () => resolve(false));
    holder.once('close', () => resolve(false));
    holder.stdout.once('data', () => resolve(true));
  });
  if (!ready) return undefined;
  return {
    enter: ['nsenter', '--preserve-credentials', '-U', '-n', '-t', String(holder.pid)],
    leave: () => holder.stdin.end(),
  };
}
