import { join } from 'node:path';
import { DamagedRecord } from './fields.js';
import { gateOf } from './gate.js';
import { LmdbJournal } from './lmdb-journal.js';
import type { JournalOptions, OpenJournal } from './journal.js';
import { foreseeIn, type JournalView, type ViewOptions } from './journal-view.js';
import { SessionFiles } from './session-files.js';
import { makeStateDirectory, tighten } from './state-directory.js';
import { openStore } from './store.js';
import { openTables } from './tables.js';
import { damaged } from './unwritable.js';

const DATABASE = 'journal.lmdb';
const SESSIONS = 'sessions';

/** Opens the journal in `dir` and writes nothing; undefined where there is none. */
export async function openJournalView(options: ViewOptions): Promise<JournalView | undefined> {
  const { dir } = options;
  const database = join(dir, DATABASE);
  const opened = await openTables(database);
  if (opened === undefined) return undefined;
  const foresee = foreseeIn(opened.tables, SessionFiles.view(join(dir, SESSIONS)), options);
  return {
    foresee: (job) =>
      foresee(job).catch((error: unknown) => {
        throw error instanceof DamagedRecord
          ? damaged(database, error, 'journal-unreadable')
          : error;
      }),
    close: opened.close,
  };
}

/**
 * Opens the journal in `dir`, which is made if need be. Throws `journal-unwritable` where it cannot be
 * written. The directory must be on a local file system: runs share the database through memory.
 */
export async function openJournal(options: JournalOptions): Promise<OpenJournal> {
  const { dir, runId } = options;
  const database = join(dir, DATABASE);
  await makeStateDirectory(dir, DATABASE);
  const files = await SessionFiles.open(join(dir, SESSIONS), runId);
  const store = await openStore(database);
  const databases = [database, gateOf(database)];
  const paths = databases.flatMap((path) => [path, `${path}-lock`]);
  await Promise.all(paths.map((path) => tighten(path, 0o600)));
  const journal = new LmdbJournal(options, store, files);
  try {
    await journal.begin();
  } catch (error) {
    await journal.close();
    throw error;
  }
  return journal;
}
