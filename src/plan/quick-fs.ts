import fs from 'node:fs';
import { platform } from 'node:os';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { answered } from '../core/waits.js';

/** A disk whose answers take longer than this on average, in milliseconds, is a slow one. */
const SLOW_MS = 0.5;
/** The weight of the latest answer, and the most that it counts for: a thread that had to wait for its turn is no slow disk. */
const WEIGHT = 0.05;
const MOST_MS = 4 * SLOW_MS;
/** How long a slow disk counts as slow. */
const SLOW_FOR_MS = 5000;
const EXACT = { bigint: true } as const;
/** statfs(2): NFS, AFS, SMB, CIFS, SMB2, Ceph, 9P, FUSE. One that is not answered hangs whoever asks. */
const REMOTE = new Set([
  0x6969, 0x5346414f, 0x517b, 0xff534d42, 0xfe534d42, 0x00c36400, 0x01021997, 0x65735546,
]);

// The callback API behind promisify costs half of fs/promises, which counts at a million files.
const [statfs, lstat, stat] = [promisify(fs.statfs), promisify(fs.lstat), promisify(fs.stat)];
const [open, close, read] = [promisify(fs.open), promisify(fs.close), promisify(fs.read)];

/** A dead disk keeps the threads that ask it: two of the six of the pool are left for all else. */
const inThreads = pLimit(4);

let averageMs = 0;
let slowUntil = platform() === 'linux' ? -Infinity : Infinity;

/** Looks at the file system of a directory: after a remote one every call is made elsewhere. */
export async function noticeFileSystem(directory: string): Promise<void> {
  if (slowUntil === Infinity) return;
  const type = await answered(inThreads(() => statfs(directory))).then(
    (found) => found.type,
    () => undefined,
  );
  if (type !== undefined && REMOTE.has(type)) slowUntil = Infinity;
}

/**
 * Calls of node:fs that are made in this thread while a local disk answers at once, and in another
 * one while it does not: what the system has in memory is there ten times sooner than another
 * thread can be asked.
 */
export const quickFs = {
  lstat: quick(
    (path: string) => fs.lstatSync(path, EXACT),
    (path) => answered(inThreads(() => lstat(path, EXACT))),
  ),
  stat: quick(
    (path: string) => fs.statSync(path, EXACT),
    (path) => answered(inThreads(() => stat(path, EXACT))),
  ),
  open: quick((path: string, flags: number) => fs.openSync(path, flags), openElsewhere),
  close: quick(fs.closeSync, close),
  read: quick(
    (descriptor: number, into: Uint8Array, offset: number, length: number, position: number) =>
      fs.readSync(descriptor, into, offset, length, position),
    readLater,
  ),
};

/** A descriptor that comes too late is closed. */
function openElsewhere(path: string, flags: number): Promise<number> {
  const opening = inThreads(() => open(path, flags));
  const opened = answered(opening);
  opened.catch(() => opening.then((descriptor) => close(descriptor)).catch(() => undefined));
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
