import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * Counts the bytes of all requests that the other side has acknowledged. What a socket took is no
 * measure: the kernel takes megabytes at once. Linux tells what of them is still on the way.
 */
export interface Meter {
  /** The kernel has taken so many bytes for this connection. */
  took(socket: Socket | null, bytes: number): void;
  /** Bytes of this connection that are not acknowledged; undefined where the system does not tell. */
  unacknowledged(socket: Socket): number | undefined;
  /** Bytes acknowledged since the start, over all connections; grows as evenly as the network does. */
  acknowledged(): number;
}

const TABLES = { IPv4: '/proc/self/net/tcp', IPv6: '/proc/self/net/tcp6' } as const;
/**
 * A reading serves every watchdog that asks within this time, and for so many times as long as it
 * took: the kernel walks a table of its own size, which may take ten milliseconds.
 */
const FRESH_MS = 40;
const FRESH_TIMES = 40;

export function createMeter(): Meter {
  const sockets = new Map<number, Socket>();
  let taken = 0;
  let queues = new Map<number, number>();
  let freshUntil = -Infinity;

  function refresh(): void {
    const now = performance.now();
    queues = readQueues(sockets);
    const tookMs = performance.now() - now;
    freshUntil = now + Math.max(FRESH_MS, tookMs * FRESH_TIMES);
  }

  return {
    took(socket, bytes) {
      taken += bytes;
      const port = socket?.localPort;
      if (!socket || port === undefined || sockets.get(port) === socket) return;
      sockets.set(port, socket);
      socket.once('close', () => {
        if (sockets.get(port) === socket) sockets.delete(port);
      });
    },
    unacknowledged(socket) {
      if (performance.now() >= freshUntil) refresh();
      return queues.get(socket.localPort ?? -1);
    },
    acknowledged() {
      refresh();
      let waiting = 0;
      for (const port of sockets.keys()) waiting += queues.get(port) ?? 0;
      return taken - waiting;
    },
  };
}

/** The send queues of our own connections by local port, as the kernel's table tells them. */
function readQueues(sockets: ReadonlyMap<number, Socket>): Map<number, number> {
  const queues = new Map<number, number>();
  const families = new Set([...sockets.values()].map(({ remoteFamily }) => remoteFamily));
  for (const family of ['IPv4', 'IPv6'] as const) {
    if (!families.has(family)) continue;
    let text: string;
    try {
      text = readFileSync(TABLES[family], 'latin1');
    } catch {
      return queues;
    }
    for (const row of text.split('\n')) {
      const [, local, remote, , queue] = row.trim().split(/\s+/, 5);
      const port = parseInt(local?.split(':')[1] ?? '', 16);
      const socket = sockets.get(port);
      if (socket === undefined || socket.remotePort !== parseInt(remote?.split(':')[1] ?? '', 16)) {
        continue;
      }
      queues.set(port, parseInt(queue ?? '0', 16));
    }
  }
  return queues;
}
