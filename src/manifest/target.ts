import { constants, write, type Stats } from 'node:fs';
import { access, readdir, readlink, realpath, rm, stat } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
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
  /** A file is replaced as a whole; a device, a pipe and what a process has open (/dev/stdout) are written to. */
  readonly isReplaceable: boolean;
  /** A file or socket that this process has open, and that others may write to at the same position. */
  readonly descriptor?: number;
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
  if (target.descriptor !== undefined) {
    await promisify(write)(target.descriptor, '');
    return;
  }
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
  const isSpecial = found && !found.isFile() && !found.isDirectory();
  // A socket cannot be opened by its name: it may be one that this process has open.
  if (isSpecial && !found.isSocket()) return { path, isReplaceable: false };
  const target = await follow(resolve(path));
  return isSpecial ? { ...target, isReplaceable: false } : target;
}

/** The names in it stand for what a process has open: as links they lead to the file alone. */
const DESCRIPTORS = /^\/(?:dev|proc\/\d+(?:\/task\/\d+)?)\/fd$/;

async function follow(path: string): Promise<Target> {
  const directory = await realpath(dirname(path));
  const name = basename(path);
  const end = join(directory, name);
  if (DESCRIPTORS.test(directory)) {
    const isOwn = (await realpath('/dev/fd').catch(ignoring(...ABSENT))) === directory;
    return { path: end, isReplaceable: false, ...(isOwn ? { descriptor: Number(name) } : {}) };
  }
  const link = await readlink(end).catch(ignoring(...ABSENT, 'EINVAL'));
  if (link === undefined) return { path: end, isReplaceable: true };
  return follow(isAbsolute(link) ? link : `${directory}/${link}`);
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
    case 'EBADF':
      return 'it is not open for writing';
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
