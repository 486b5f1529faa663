import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { usageError } from '../core/errors.js';
import { visible } from '../core/text.js';
import { formatLease, isLive, leaseOf, parseLease, RENEWAL_MS } from '../journal/leases.js';
import { makeOwnDirectory } from '../journal/state-directory.js';

/**
 * Takes the sandbox's directory for this process, until it gives it back by what is returned, or ends.
 * Throws UsageError where another process has it. Whoever comes writes its own lease down before it
 * looks for others, so two that come at once may both be refused but never both have it.
 */
export async function becomeSoleOwner(dir: string): Promise<() => Promise<void>> {
  const leases = join(dir, '.sandbox', 'leases');
  await makeOwnDirectory(leases);
  const run = { runId: randomUUID(), host: hostname(), pid: process.pid };
  const own = leaseOf(run, new Date());
  const file = join(leases, own.runId);
  const unfinished = join(dir, '.sandbox', `${own.runId}.lease`);
  const renew = async () => {
    await writeFile(unfinished, formatLease({ ...own, renewedAt: new Date() }), { mode: 0o600 });
    await rename(unfinished, file);
  };
  await renew();
  for (const name of await readdir(leases)) {
    if (name === own.runId) continue;
    const other = parseLease(await readFile(join(leases, name), 'utf8').catch(noneIfGone));
    if (other !== undefined && isLive(other, own, new Date())) {
      await rm(file);
      throw usageError(
        `the sandbox cannot have ${visible(dir)}: process ${other.pid} on ${other.host} has it`,
        'Stop that process, or name another directory. One that was killed in a container, or on another host, counts for five minutes more.',
      );
    }
    await rm(join(leases, name), { force: true });
  }
  // A renewal that fails is made up for by the next one.
  const renewal = setInterval(() => void renew().catch(() => undefined), RENEWAL_MS).unref();
  return async () => {
    clearInterval(renewal);
    await rm(file, { force: true });
  };
}

function noneIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
