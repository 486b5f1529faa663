import type * as Lmdb from 'lmdb';
import { assertDatabaseFile, assertOpenable } from './database-file.js';
import { makeRoom } from './room.js';

const OPTIONS = {
  noSubdir: true,
  encoding: 'string',
  // Without it a commit resolves before it is on disk.
  overlappingSync: false,
  // Read by the native side; missing in lmdb's type definitions.
  permissionsMode: 0o600,
} as const;

/**
 * Opens the database in `path`, which is made unless it is only read; once at a time in a process. Throws
 * `journal-unwritable` where it is damaged, or the system's error: lmdb would end the process by a signal.
 */
export function openDatabase(
  lmdb: typeof Lmdb,
  path: string,
  { readOnly }: { readonly readOnly: boolean },
): Lmdb.RootDatabase<string, string> {
  assertDatabaseFile(path);
  if (!readOnly) makeRoom(path);
  assertOpenable(path, { readOnly });
  return lmdb.open<string, string>({ ...OPTIONS, path, readOnly });
}
