import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';

/** More than lmdb wants: what is left over serves more readers. */
const LOCK_BYTES = 12 * 1024;
/** What a new journal takes, with some room for its first jobs. */
const ROOM_BYTES = 128 * 1024;

/**
 * Makes sure that lmdb may open the database and its lock file: whatever it cannot write then ends the
 * process by a signal. lmdb makes a lock file with holes; the pages of this one exist. One that exists
 * is never touched, since another process may use it. Throws the system's error where the disk has no
 * room for what is still to be made.
 */
export function makeRoom(database: string): void {
  const file = `${database}-lock`;
  const isLocked = existsSync(file);
  const isBegun = (statSync(database, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (isLocked && isBegun) return;
  // Processes of two containers may have one number.
  const made = `${file}.${randomUUID()}`;
  const descriptor = openSync(made, 'wx', 0o600);
  try {
    writeFileSync(descriptor, Buffer.alloc(isBegun ? LOCK_BYTES : ROOM_BYTES));
    fsyncSync(descriptor);
    if (isLocked) return;
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
