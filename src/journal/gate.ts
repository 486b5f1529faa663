import { setTimeout as sleep } from 'node:timers/promises';
import type * as Lmdb from 'lmdb';
import { assertDatabaseFile } from './database-file.js';
import { makeLockFile } from './lock-file.js';

/** Lets one process at a time open, write or close a journal. */
export interface Gate {
  /** Does the work while no other process does any here; `work` ends before it returns. */
  pass<T>(work: () => T): T;
}

/** How every environment of the journal is opened. */
export const ENVIRONMENT = {
  noSubdir: true,
  encoding: 'string',
  // Without it a commit resolves before it is on disk.
  overlappingSync: false,
  // Read by the native side; missing in lmdb's type definitions.
  permissionsMode: 0o600,
} as const;

/** Whoever closes an environment last destroys its locks, also for one that is just opening it: a pause, and again. */
const TRIES = 100;
const PAUSE_MS = 50;

/**
 * The gate of the database in `file`. lmdb, when it opens what others have open, sets the number of the
 * latest transaction to the one it has read from the file a moment before (`mdb_env_open2`): whoever writes
 * next begins again from there, and what was committed in between is lost. So nobody commits while another
 * opens. The gate is an empty environment, of which only the write lock is used: its own number never
 * changes. It is never closed, which happens with the process. Throws what lmdb or the system says.
 */
export async function openGate(lmdb: typeof Lmdb, file: string): Promise<Gate> {
  const path = gateOf(file);
  const { ABORTABLE, SYNCHRONOUS_COMMIT } = lmdb.TransactionFlags;
  for (let tries = 1; ; tries++) {
    assertDatabaseFile(path);
    makeLockFile(path);
    const root = lmdb.open<string, string>({ ...ENVIRONMENT, path });
    const pass = <T>(work: () => T): T =>
      root.transactionSync(work, ABORTABLE | SYNCHRONOUS_COMMIT);
    try {
      pass(() => undefined);
      return { pass };
    } catch (error) {
      await root.close();
      if (tries === TRIES) throw error;
    }
    await sleep(PAUSE_MS * Math.random());
  }
}

/** The file of the gate; whoever only looks does not make it. */
export function gateOf(file: string): string {
  return `${file}.gate`;
}
