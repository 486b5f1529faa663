import fs from 'node:fs';
import { platform } from 'node:os';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { UploadFailure } from '../core/errors.js';
import { answered } from '../core/waits.js';

/** A disk whose answers take longer than this on average, in milliseconds, is a slow one. */
const SLOW_MS = 0.5;
/** The weight of the latest answer, and the most that it counts for: a thread that had to wait for its turn is no slow disk. */
const WEIGHT = 0.05;
const MOST_MS = 4 * SLOW_MS;
/** How long a slow disk counts as slow. */
const SLOW_FOR_MS = 5000;
const EXACT = { bigint: true } as const;
/**
 * statfs(2): ext2 to ext4, XFS, Btrfs, ZFS, bcachefs, F2FS, overlayfs, tmpfs, ramfs, SquashFS, EROFS, ISO 9660,
 * UDF, FAT, exFAT, NTFS. Any other may be one that is not answered, and hangs whoever asks.
 */
const LOCAL = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0xca451a4e, 0xf2f52010, 0x794c7630, 0x01021994,
  0x858458f6, 0x73717368, 0xe0f5e1e2, 0x9660, 0x15013346, 0x4d44, 0x2011bab0, 0x7366746e,
]);

// The callback API behind promisify costs half of fs/promises, which counts at a million files.
const [statfs, lstat, stat] = [promisify(fs.statfs), promisify(fs.lstat), promisify(fs.stat)];
const [open, close, read] = [promisify(fs.open), promisify(fs.close), promisify(fs.read)];
const [realpath, readFile] = [promisify(fs.realpath.native), promisify(fs.readFile)];
const [opendir, readdir] = [promisify(fs.opendir), promisify(fs.readdir)];
const readlink = promisify(fs.readlink);
const DIRENTS_AT_ONCE = 256;
const BYTES_AT_ONCE = 256 * 1024;

/** A dead disk keeps the threads that ask it: two of the six of the pool are left for all else. */
const inThreads = pLimit(4);

let averageMs = 0;
let slowUntil = platform() === 'linux' ? -Infinity : Infinity;

/**
 * Looks at the file system of a directory: after one that may be remote every call is made elsewhere. Throws
 * `read-error` where it does not answer, and only then.
 */
export async function noticeFileSystem(directory: string): Promise<void> {
  if (slowUntil === Infinity) return;
  try {
    const { type } = await elsewhere(() => statfs(directory));
    if (!LOCAL.has(type)) slowUntil = Infinity;
  } catch (error) {
    if (error instanceof UploadFailure) throw error;
  }
}

/** Asks in another thread, for a minute at most. */
function elsewhere<T>(ask: () => Promise<T>): Promise<T> {
  return answered(inThreads(ask));
}

/**
 * Calls of node:fs that are made in this thread while a local disk answers at once, and in another
 * one while it does not: what the system has in memory is there ten times sooner than another
 * thread can be asked.
 */
export const quickFs = {
  lstat: quick(
    (path: string) => fs.lstatSync(path, EXACT),
    (path) => elsewhere(() => lstat(path, EXACT)),
  ),
  stat: quick(
    (path: string) => fs.statSync(path, EXACT),
    (path) => elsewhere(() => stat(path, EXACT)),
  ),
  readlink: quick(
    (path: string) => fs.readlinkSync(path),
    (path) => elsewhere(() => readlink(path)),
  ),
  open: quick(
    (path: string, flags: number) => fs.openSync(path, flags),
    (path, flags) => openElsewhere(() => open(path, flags), close),
  ),
  close: quick(fs.closeSync, (descriptor) => elsewhere(() => close(descriptor))),
  read: quick(
    (descriptor: number, into: Uint8Array, offset: number, length: number, position: number) =>
      fs.readSync(descriptor, into, offset, length, position),
    readLater,
  ),
};

/** Calls of node:fs that are rare enough to be made in another thread whatever the disk is. */
export const threadFs = {
  lstat: (path: string) => elsewhere(() => lstat(path)),
  stat: (path: string) => elsewhere(() => stat(path)),
  realpath: (path: string) => elsewhere(() => realpath(path)),
  readdir: (path: string) => elsewhere(() => readdir(path, { withFileTypes: true })),
  names: (path: string) => elsewhere(() => readdir(path)),
  readText: (path: string) => elsewhere(() => readFile(path, 'utf8')),
};

/** What is in a directory, some at a time: a large one is never in memory as a whole. */
export async function* readDirectory(path: string): AsyncGenerator<readonly fs.Dirent[]> {
  const directory = await openElsewhere(
    () => opendir(path, { bufferSize: DIRENTS_AT_ONCE }),
    (late) => late.close(),
  );
  try {
    for (;;) {
      const entries = await elsewhere(() => readEntries(directory));
      yield entries;
      if (entries.length < DIRENTS_AT_ONCE) return;
    }
  } finally {
    // Not waited for, since what is not answered keeps it from being closed.
    directory.close().catch(() => undefined);
  }
}

/** What is in a regular file, some at a time, each with a minute to come. */
export async function* readPieces(path: string): AsyncGenerator<Buffer> {
  const descriptor = await openElsewhere(() => open(path, fs.constants.O_RDONLY), close);
  let reading = Promise.resolve(0);
  try {
    for (let position = 0; ;) {
      const piece = Buffer.allocUnsafeSlow(BYTES_AT_ONCE);
      reading = readLater(descriptor, piece, 0, piece.length, position);
      const count = await answered(reading);
      if (count === 0) return;
      yield piece.subarray(0, count);
      position += count;
    }
  } finally {
    const closeIt = (): Promise<void> => close(descriptor);
    // Not waited for, since it may be what is not answered.
    reading.then(closeIt, closeIt).catch(() => undefined);
  }
}

/** As many as one question to the disk gives. */
async function readEntries(directory: fs.Dir): Promise<fs.Dirent[]> {
  const entries: fs.Dirent[] = [];
  while (entries.length < DIRENTS_AT_ONCE) {
    const entry = await directory.read();
    if (entry === null) break;
    entries.push(entry);
  }
  return entries;
}

/** What is opened too late is closed. */
function openElsewhere<T>(
  ask: () => Promise<T>,
  closeLate: (opened: T) => Promise<void>,
): Promise<T> {
  const opening = inThreads(ask);
  const opened = answered(opening);
  opened.catch(() => opening.then(closeLate).catch(() => undefined));
  return opened;
}

/**
 * The same, always in another thread: for reads that others need not wait for. Not even a dead disk ends
 * one, since its memory may still be written to.
 */
export async function readLater(
  descriptor: number,
  into: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  return (await inThreads(() => read(descriptor, into, offset, length, position))).bytesRead;
}

function quick<Args extends unknown[], Result>(
  now: (...args: Args) => Result,
  instead: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const since = performance.now();
    if (since < slowUntil) return instead(...args);
    try {
      return now(...args);
    } finally {
      const until = performance.now();
      averageMs += WEIGHT * (Math.min(until - since, MOST_MS) - averageMs);
      if (averageMs > SLOW_MS) {
        averageMs = 0;
        slowUntil = Math.max(slowUntil, until + SLOW_FOR_MS);
      }
    }
  };
}
