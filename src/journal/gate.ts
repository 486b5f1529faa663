import { setTimeout as sleep } from 'node:timers/promises';
import type * as Lmdb from 'lmdb';
import { openDatabase } from './open-database.js';

/** Lets one process at a time open, write or close a journal. */
export interface Gate {
  /** Does the work while no other process does any here; `work` ends before it returns. */
  pass<T>(work: () => T): T;
}

/** Whoever closes a database last destroys its locks, also for one that is just opening it: a pause, and again. */
const TRIES = 100;
const PAUSE_MS = 50;

const gates = new Map<string, Promise<Gate>>();

/**
 * The gate of the database in `file`. lmdb, when it opens what others have open, sets the number of the
 * latest transaction to the one it has read from the file a moment before (`mdb_env_open2`): whoever writes
 * next begins again from there, and what was committed in between is lost. So nobody commits while another
 * opens. The gate is an empty database, of which only the write lock is used: its own number never
 * changes. It is opened once, and closed with the process: to open it anew would give up the locks that the
 * process has on it. Rejects with what lmdb or the system says.
 */
export function openGate(lmdb: typeof Lmdb, file: string): Promise<Gate> {
  const path = gateOf(file);
  let gate = gates.get(path);
  if (gate === undefined) {
    gate = open(lmdb, path);
    gates.set(path, gate);
    gate.catch(() => gates.delete(path));
  }
  return gate;
}

/** The file of the gate; whoever only looks does not make it. */
export function gateOf(file: string): string {
  return `${file}.gate`;
}

async function open(lmdb: typeof Lmdb, path: string): Promise<Gate> {
  const { ABORTABLE, SYNCHRONOUS_COMMIT } = lmdb.TransactionFlags;
  for (let tries = 1; ; tries++) {
    const root = openDatabase(lmdb, path, { readOnly: false });
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
