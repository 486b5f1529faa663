import { join } from 'node:path';
import { LmdbJournal } from './lmdb-journal.js';
import type { JournalOptions, OpenJournal } from './open-journal.js';
import { SessionFiles } from './session-files.js';
import { makeStateDirectory, tighten } from './state-directory.js';
import { openStore } from './store.js';

export type {
  Holder,
  JournalClaim,
  JournalOptions,
  OpenJournal,
  Superseded,
  UnfinishedJob,
} from './open-journal.js';
export type { Swept } from './sweep.js';

const DATABASE = 'journal.lmdb';
const SESSIONS = 'sessions';

/**
 * Opens the journal in `dir`, which is made if need be, and drops what has expired in it. Throws
 * `journal-unwritable` where it cannot be written. The directory must be on a local file system:
 * runs share the database through memory.
 */
export async function openJournal(options: JournalOptions): Promise<OpenJournal> {
  const { dir, runId } = options;
  const database = join(dir, DATABASE);
  await makeStateDirectory(dir, DATABASE);
  const files = await SessionFiles.open(join(dir, SESSIONS), runId);
  const store = await openStore(database);
  await Promise.all([database, `${database}-lock`].map((path) => tighten(path, 0o600)));
  const journal = new LmdbJournal(options, store, files);
  try {
    await journal.begin();
  } catch (error) {
    await journal.close();
    throw error;
  }
  return journal;
}
