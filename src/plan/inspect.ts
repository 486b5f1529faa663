import fs from 'node:fs';
import path from 'node:path';
import { UploadFailure, type FailureCode } from '../core/errors.js';
import type { SourceFile } from '../core/model.js';
import { isUrl, LONGEST_PATH, visible, visiblePath } from '../core/text.js';
import { isOfInterest } from './entry.js';
import { noticeFileSystem, quickFs, threadFs } from './quick-fs.js';

/** What is at a path. */
export type Inspection =
  | { readonly kind: 'file'; readonly file: SourceFile; readonly changedAtMs: number }
  | { readonly kind: 'directory' }
  | { readonly kind: 'unusable'; readonly failure: UploadFailure };

/** Resolves a directory's symbolic links. */
export type RealDirectory = (directory: string) => Promise<string>;

const REMEMBERED_DIRECTORIES = 4096;
const READABLE_BY_ALL = 0o004n;

/**
 * Remembers, since most files of one run share a few directories. Each is asked for after the one
 * that it is in, so that a dead disk is asked once, however many directories it has.
 */
export function createRealDirectory(): RealDirectory {
  const known = new Map<string, Promise<string>>();

  async function ask(directory: string): Promise<string> {
    const outer = path.dirname(directory);
    // What is too long for a path the system refuses, whatever disk it would be on.
    const isPath = Buffer.byteLength(directory) < LONGEST_PATH;
    if (isPath && outer !== directory) await assertAnswering(find(outer));
    await noticeFileSystem(directory);
    return threadFs.realpath(directory);
  }

  function find(directory: string): Promise<string> {
    let real = known.get(directory);
    if (real === undefined) {
      if (known.size >= REMEMBERED_DIRECTORIES) known.clear();
      real = ask(directory);
      known.set(directory, real);
    }
    return real;
  }
  return find;
}

/** `shown` is the path as people know it; `absolute` is where it is. Follows symbolic links. */
export async function inspect(
  shown: string,
  absolute: string,
  realDirectory: RealDirectory,
): Promise<Inspection> {
  const name = path.basename(absolute);
  let isLink = false;
  try {
    const directory = realDirectory(path.dirname(absolute));
    await assertAnswering(directory);
    let stats = await quickFs.lstat(absolute);
    isLink = stats.isSymbolicLink();
    let behind: string | undefined;
    if (isLink) {
      await assertLinkAnswers(absolute, realDirectory);
      behind = await threadFs.realpath(absolute);
      await assertAnswering(realDirectory(directoryToAsk(behind)));
      stats = await quickFs.stat(absolute);
    }
    if (stats.isDirectory()) return { kind: 'directory' };
    if (!stats.isFile()) return unusable('source-invalid', shown, `it is ${kindOf(stats)}`);
    if ((stats.mode & READABLE_BY_ALL) === 0n) await tryToOpen(absolute);
    const realPath = behind ?? path.join(await directory, name);
    const file: SourceFile = {
      path: shown,
      realPath,
      size: Number(stats.size),
      mtimeNs: stats.mtimeNs,
      inode: stats.ino,
    };
    const changedNs = stats.mtimeNs > stats.ctimeNs ? stats.mtimeNs : stats.ctimeNs;
    return { kind: 'file', file, changedAtMs: Number(changedNs / 1_000_000n) };
  } catch (error) {
    return { kind: 'unusable', failure: explain(error, shown, isLink) };
  }
}

/**
 * Before the first question that would hang on a remote file system. Whatever else is wrong with a
 * directory the next question tells.
 */
export async function assertAnswering(directory: Promise<string>): Promise<void> {
  try {
    await directory;
  } catch (error) {
    if (error instanceof UploadFailure) throw error;
  }
}

/** The same before a symbolic link is followed: what it says is told by the disk that it is on. */
export async function assertLinkAnswers(link: string, realDirectory: RealDirectory): Promise<void> {
  const target = path.resolve(path.dirname(link), await quickFs.readlink(link));
  await assertAnswering(realDirectory(directoryToAsk(target)));
}

/** The same for what may be a directory, and so the root of another file system. */
export async function inspectNamed(
  shown: string,
  absolute: string,
  realDirectory: RealDirectory,
): Promise<Inspection> {
  try {
    await assertAnswering(realDirectory(directoryToAsk(absolute)));
  } catch (error) {
    return { kind: 'unusable', failure: explain(error, shown) };
  }
  return inspect(shown, absolute, realDirectory);
}

/** The directory to ask for first: the path itself, where that may be one. */
function directoryToAsk(absolute: string): string {
  return isOfInterest(path.basename(absolute)) ? path.dirname(absolute) : absolute;
}

/** access() would answer for the real user, not for the effective one. */
async function tryToOpen(absolute: string): Promise<void> {
  const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;
  await quickFs.close(await quickFs.open(absolute, flags));
}

const REASONS: Readonly<Record<string, readonly [FailureCode, string]>> = {
  ENOENT: ['source-missing', 'no such file or directory'],
  ENOTDIR: ['source-missing', 'a part of its path is not a directory'],
  EISDIR: ['source-invalid', 'it is a directory'],
  ELOOP: ['source-invalid', 'its symbolic links form a loop'],
  EACCES: ['source-unreadable', 'permission denied'],
  EPERM: ['source-unreadable', 'permission denied'],
  ENAMETOOLONG: ['source-invalid', 'its name is too long'],
  ERR_INVALID_ARG_VALUE: ['source-invalid', 'its name contains a NUL byte'],
  EMFILE: ['too-many-open-files', 'too many open files'],
  ENFILE: ['too-many-open-files', 'too many open files'],
};

/** What an error of the file system means, and in which words; throws what is none. */
export function reasonOf(error: unknown): readonly [FailureCode, string] {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return REASONS[code] ?? ['read-error', visible(message)];
}

/** Translates an error of the file system on a path; throws what is none. */
export function explain(error: unknown, shown: string, isLink = false): UploadFailure {
  const [failureCode, reason] = reasonOf(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && shown.includes('\ufffd')) return notUtf8(shown, error);
  if (code === 'ENOENT' && isLink) {
    return failure('source-missing', shown, 'it is a symbolic link to nothing', error);
  }
  if (failureCode === 'source-missing' && isUrl(shown)) {
    const hint = 'Name a file of this machine: nothing else is uploaded.';
    return failure('source-missing', shown, 'it is a URL', error, hint);
  }
  return failure(failureCode, shown, reason, error);
}

/** What a name that had to be replaced in part is told as. */
export function notUtf8(shown: string, cause?: unknown): UploadFailure {
  return failure('source-invalid', shown, 'its name is not UTF-8', cause, 'Rename it.');
}

/**
 * For the names of one directory: whether one came before. Of several names that read the same, all but
 * one at most are not UTF-8, and what is found under it is that one.
 */
export function createIsTwin(): (name: string) => boolean {
  const seen = new Set<string>();
  return (name) => {
    if (!name.includes('\ufffd')) return false;
    const isTwin = seen.has(name);
    seen.add(name);
    return isTwin;
  };
}

function failure(
  code: FailureCode,
  shown: string,
  reason: string,
  cause?: unknown,
  hint?: string,
): UploadFailure {
  return new UploadFailure(code, `cannot read ${visiblePath(shown)}: ${reason}`, {
    stage: 'plan',
    ...(cause === undefined ? {} : { cause }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function unusable(code: FailureCode, shown: string, reason: string): Inspection {
  const hint = 'Name a regular file, or leave it out.';
  return { kind: 'unusable', failure: failure(code, shown, reason, undefined, hint) };
}

function kindOf(stats: fs.BigIntStats): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}
