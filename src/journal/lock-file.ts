import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

/** More than lmdb wants: what is left over serves more readers. */
const LOCK_BYTES = 12 * 1024;
/** What a new journal takes, with some room for its first jobs. */
const ROOM_BYTES = 128 * 1024;

/**
 * Makes the lock file of the database, where there is none. lmdb makes one with holes and writes into
 * it through memory, where a disk without space ends the process by a signal; the pages of this one
 * exist. Throws the system's error where the disk has no room for a new journal: lmdb would leave half
 * a database. A lock file that exists is never touched, since another process may use it.
 */
export function makeLockFile(database: string): void {
  const file = `${database}-lock`;
  if (existsSync(file)) return;
  // Processes of two containers may have one number.
  const made = `${file}.${randomUUID()}`;
  const descriptor = openSync(made, 'wx', 0o600);
  try {
    writeFileSync(descriptor, Buffer.alloc(ROOM_BYTES));
    fsyncSync(descriptor);
    ftruncateSync(descriptor, LOCK_BYTES);
    putInPlace(made, file);
  } finally {
    closeSync(descriptor);
    rmSync(made, { force: true });
  }
}

function putInPlace(made: string, file: string): void {
  try {
    linkSync(made, file);
  } catch {
    // Another run was first, or the file system knows no links: then lmdb makes its own.
  }
}
