import { constants, type Stats } from 'node:fs';
import { access, readdir, readlink, realpath, rm, stat } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError, usageError } from '../core/errors.js';
import { answered } from '../core/waits.js';

/** Who is alive on this machine; lives at the rim, since it needs the process. */
export interface Processes {
  readonly pid: number;
  isAlive(pid: number): boolean;
}

/** Where the bytes of a manifest end up. */
export interface Target {
  /** Behind all symbolic links. */
  readonly path: string;
  /** A file is replaced as a whole; a device or a pipe (/dev/stdout) can only be written to. */
  readonly isReplaceable: boolean;
}

/** Throws UsageError unless a manifest can be put at `path`. Writes nothing. */
export async function assertManifestWritable(path: string): Promise<void> {
  try {
    await answered(checkPlace(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw refusal(path, reasonOf(error));
  }
}

async function checkPlace(path: string): Promise<void> {
  const target = await findTarget(path);
  const directory = dirname(target.path);
  const found = await stat(target.path).catch(ignoring(...ABSENT));
  if (found?.isDirectory()) throw refusal(path, 'it is a directory');
  if (!target.isReplaceable) return access(target.path, constants.W_OK);
  const place = await stat(directory);
  if (!place.isDirectory()) throw refusal(path, `${directory} is not a directory`);
  await access(directory, constants.W_OK | constants.X_OK);
  if (found && mayStay(found, place)) await access(target.path, constants.W_OK);
}

/** Of a directory in which each user may replace his own files only, as /tmp. */
const STICKY = 0o1000;

/** Whether a file may have to be written to where it is: by its looks mounted, or somebody else's. */
function mayStay(file: Stats, directory: Stats): boolean {
  return file.dev !== directory.dev || (directory.mode & STICKY) !== 0;
}

/** Of a file that does not exist, or whose directory is none. */
const ABSENT = ['ENOENT', 'ENOTDIR'];

/** Follows symbolic links, also one that points to a file which does not exist yet. */
export async function findTarget(path: string): Promise<Target> {
  const found = await stat(path).catch(ignoring(...ABSENT));
  if (found && !found.isFile() && !found.isDirectory()) return { path, isReplaceable: false };
  return { path: await follow(resolve(path)), isReplaceable: true };
}

async function follow(path: string): Promise<string> {
  const real = await realpath(path).catch(ignoring(...ABSENT));
  if (real !== undefined) return real;
  const link = await readlink(path).catch(ignoring(...ABSENT, 'EINVAL'));
  if (link !== undefined) return follow(resolve(dirname(path), link));
  return join(await realpath(dirname(path)), basename(path));
}

function ignoring(...codes: readonly string[]): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}

function refusal(path: string, reason: string): UsageError {
  return usageError(
    `the manifest cannot be written to ${path}: ${reason}`,
    'Name another file, in a writable directory, with --manifest, or use --no-manifest.',
  );
}

function reasonOf(error: unknown): string {
  const { code, path: refused, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return `the directory ${refused} does not exist`;
    case 'ENOTDIR':
      return `${refused} is not a directory`;
    case 'EACCES':
    case 'EPERM':
      return `this user may not write to ${refused}`;
    case 'EROFS':
      return `${refused} is on a read-only file system`;
    default:
      return message;
  }
}

/**
 * In the directory of the target, since a rename does not cross file systems. The name is none that the
 * plan takes an interest in, as it does in `.tmp`: that directory may be an input.
 */
export function temporaryFor(target: string, { pid }: Processes): string {
  const owner = `${hostname()}-${pid}-${randomBytes(4).toString('hex')}`;
  return join(dirname(target), `.${basename(target)}.${owner}.new`);
}

/** Long enough for a live run to write records: another container sees its process as dead. */
const STALE_AFTER_MS = 24 * 3600 * 1000;

/**
 * Removes what runs that were killed left behind, where it may: same manifest, same machine, dead process,
 * and not written to since the day before.
 */
export async function removeStale(target: string, processes: Processes, now: Date): Promise<void> {
  const directory = dirname(target);
  const prefix = `.${basename(target)}.${hostname()}-`;
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(\d+)-[0-9a-f]{8}\.new$/.exec(name.slice(prefix.length))?.[1];
    if (pid === undefined || processes.isAlive(Number(pid))) continue;
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found && +now - found.mtimeMs > STALE_AFTER_MS) await rm(path).catch(() => undefined);
  }
}
