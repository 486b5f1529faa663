import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
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

/**
 * A directory for its owner only, and those above it where they are missing. Node's own way of making
 * both never ends where a directory that is there takes none, as /proc.
 */
export async function makeOwnDirectory(dir: string): Promise<void> {
  try {
    await makeOne(dir);
  } catch (error) {
    const above = dirname(dir);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === dir) throw error;
    await makeOwnDirectory(above);
    await makeOne(dir);
  }
}

async function makeOne(dir: string): Promise<void> {
  await mkdir(dir, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' || !(await stat(dir)).isDirectory()) throw error;
  });
}

/** Takes away the permissions beyond `mode`. Somebody else's file stays as it is. */
export async function tighten(path: string, mode: number): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (found.mode & 0o777 & ~mode) === 0) return;
  await chmod(path, mode).catch(() => undefined);
}
