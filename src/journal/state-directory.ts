import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { unwritable } from './unwritable.js';

/**
 * Makes the directory, open to its owner only. One that exists with a wider mode is tightened if
 * it is the journal's own (empty, or with the database in it), never a directory with other things.
 */
export async function makeStateDirectory(dir: string, databaseName: string): Promise<void> {
  try {
    await makeOwnDirectory(dir);
    const names = await readdir(dir);
    if (names.length === 0 || names.includes(databaseName)) await tighten(dir, 0o700);
  } catch (error) {
    throw unwritable(dir, error);
  }
}

/** A directory for its owner only, and those above it where they are missing. */
export async function makeOwnDirectory(dir: string): Promise<void> {
  // Not recursive at first: that would tell a read-only file system as a missing directory.
  await mkdir(dir, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST' && (await stat(dir)).isDirectory()) return;
    if (error.code !== 'ENOENT') throw error;
    await mkdir(dir, { recursive: true, mode: 0o700 });
  });
}

/** Takes away the permissions beyond `mode`. Somebody else's file stays as it is. */
export async function tighten(path: string, mode: number): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (found.mode & 0o777 & ~mode) === 0) return;
  await chmod(path, mode).catch(() => undefined);
}
