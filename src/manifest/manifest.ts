import { constants, fsync, write } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { UploadFailure } from '../core/errors.js';
import type { Outcome } from '../core/model.js';
import type { Recorder } from '../core/ports.js';
import { answered, orAborted } from '../core/waits.js';
import { layoutOf } from './format.js';
import type { ManifestHead, ManifestTail } from './format.js';
import { toRecord } from './record.js';
import { findTarget, removeStale, temporaryFor } from './target.js';
import type { Processes, Target } from './target.js';

const FLUSH_BYTES = 64 * 1024;
const COPY_BYTES = 1024 * 1024;

/** The manifest could not be written; the one that was there before is untouched unless it had to stay. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly hint: string;

  constructor(message: string, hint: string, options: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

export interface Manifest extends Recorder {
  /** Takes a record; waits only while much is unwritten. What fails here is thrown by `finish`. */
  record(outcome: Outcome): Promise<void>;
  /**
   * Makes the new manifest durable and puts it in the place of the old one, or into it where it has to stay.
   * Throws ManifestError, with the signal's reason once that aborts.
   */
  finish(tail: ManifestTail, signal?: AbortSignal): Promise<void>;
}

export interface ManifestOptions extends ManifestHead {
  readonly path: string;
  readonly processes: Processes;
  /** For tests: opens the file that collects the records. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
}

/** Begins a manifest: records go to a temporary file until `finish`. Throws ManifestError. */
export async function createManifest(options: ManifestOptions): Promise<Manifest> {
  const layout = layoutOf(options.path);
  const place = await prepare(options).catch((error: unknown) => {
    throw unwritable(options.path, error);
  });
  // Who reads a pipe may take his time.
  const file = createAppender(place.file, place.target.isReplaceable ? answered : (asked) => asked);
  let isFirst = true;
  await file.append(layout.head(options));

  async function abandon(): Promise<void> {
    await file.close().catch(() => undefined);
    if (place.target.isReplaceable) await rm(place.temporary, { force: true });
  }

  return {
    async record(outcome) {
      const text = layout.record(toRecord(outcome), isFirst);
      isFirst = false;
      await file.append(text);
    },
    async finish(tail, signal = new AbortController().signal) {
      let isWhole = false;
      async function put(): Promise<void> {
        await file.append(layout.tail(tail));
        await file.flush();
        if (!place.target.isReplaceable) {
          // A pipe or a terminal has no disk.
          await answered(place.file.sync()).catch(() => undefined);
          return file.close();
        }
        isWhole = true;
        await answered(place.file.sync()).catch((error: unknown) => {
          isWhole = error instanceof UploadFailure;
          throw error;
        });
        await answered(file.close());
        await replace(place.temporary, place.target.path);
      }
      try {
        await orAborted(put(), signal);
      } catch (error) {
        // Its directory was removed, and it with that.
        const { code, path } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' && path === place.temporary) isWhole = false;
        // A disk that does not answer is asked for nothing more.
        const stays = isWhole || signal.aborted || error instanceof UploadFailure;
        if (!stays) await answered(abandon()).catch(() => undefined);
        throw unwritable(options.path, error, place, isWhole);
      }
    },
  };
}

interface Place {
  readonly target: Target;
  readonly temporary: string;
  readonly file: OpenFile;
}

type OpenFile = Pick<FileHandle, 'sync' | 'close'> & { appendFile(text: string): Promise<void> };

async function prepare(options: ManifestOptions): Promise<Place> {
  const target = await answered(findTarget(options.path));
  if (target.isReplaceable) return answered(prepareFile(target, options));
  const { path, descriptor } = target;
  const file = descriptor === undefined ? await open(path, 'a') : opened(descriptor);
  return { target, temporary: path, file };
}

/** What was opened by whoever started this process, and stays open. */
function opened(descriptor: number): OpenFile {
  return {
    appendFile: (text) => writeAll(descriptor, Buffer.from(text)),
    sync: () => promisify(fsync)(descriptor),
    close: async () => undefined,
  };
}

/** Between two looks whether somebody has read what a socket holds. */
const FULL_MS = 10;

/** A socket may refuse to wait for who reads it, and then takes as much as it has room for. */
async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let left = bytes; left.length > 0;) {
    const written = await promisify(write)(descriptor, left).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    });
    if (written) left = left.subarray(written.bytesWritten);
    else await sleep(FULL_MS);
  }
}

async function prepareFile(target: Target, options: ManifestOptions): Promise<Place> {
  await removeStale(target.path, options.processes, options.startedAt);
  const temporary = temporaryFor(target.path, options.processes);
  return { target, temporary, file: await (options.openFile ?? openNew)(temporary) };
}

async function openNew(path: string): Promise<FileHandle> {
  const file = await open(path, 'wx', 0o644);
  // Against the umask; not every file system has modes.
  await file.chmod(0o644).catch(() => undefined);
  return file;
}

interface Appender {
  /** Never throws; waits for the disk once a batch is full. */
  append(text: string): Promise<void>;
  /** Throws the first error of all writes. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** `inTime` bounds the wait for a write. */
function createAppender(
  file: OpenFile,
  inTime: (writing: Promise<void>) => Promise<void>,
): Appender {
  let batch: string[] = [];
  let batchLength = 0;
  let failure: { readonly error: unknown } | undefined;
  let isClosed = false;
  let written = Promise.resolve();

  function write(): Promise<void> {
    const text = batch.join('');
    batch = [];
    batchLength = 0;
    written = written.then(async () => {
      if (failure) return;
      await inTime(file.appendFile(text)).catch((error: unknown) => (failure = { error }));
    });
    return written;
  }

  return {
    async append(text) {
      if (failure) return;
      batch.push(text);
      batchLength += text.length;
      if (batchLength >= FLUSH_BYTES) await write();
    },
    async flush() {
      await write();
      if (failure) throw failure.error;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await written;
      await file.close();
    },
  };
}

/** What a rename says of a file that is mounted, or of another user's in a sticky directory. */
const STAYS = new Set<string | undefined>(['EBUSY', 'EPERM']);

async function replace(temporary: string, target: string): Promise<void> {
  try {
    await answered(rename(temporary, target));
  } catch (error) {
    if (!STAYS.has((error as NodeJS.ErrnoException).code)) throw error;
    await copy(temporary, target);
    await answered(rm(temporary)).catch(() => undefined);
    return;
  }
  // Not every file system can sync a directory; the rename itself is atomic without it.
  await answered(syncDirectory(dirname(target))).catch(() => undefined);
}

/** Each piece has a minute to come and another to go. */
async function copy(source: string, target: string): Promise<void> {
  const flag = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
  const [from, to] = await answered(Promise.all([open(source), open(target, flag)]));
  const piece = Buffer.allocUnsafeSlow(COPY_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await answered(from.read(piece));
      if (bytesRead === 0) break;
      await answered(to.writeFile(piece.subarray(0, bytesRead)));
    }
    await answered(to.sync());
  } finally {
    // Not waited for, since it may be what is not answered.
    for (const file of [from, to]) file.close().catch(() => undefined);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

/** `isWhole`: all of it is in the temporary file. */
function unwritable(path: string, cause: unknown, place?: Place, isWhole = false): ManifestError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const kept = place && isWhole ? `; it is whole in ${place.temporary}` : '';
  const { code } = cause as NodeJS.ErrnoException;
  const isUnread = code === undefined || code === 'EPIPE';
  const hint =
    place?.target.isReplaceable === false && isUnread
      ? 'Let somebody read the pipe, or name a file with --manifest.'
      : 'Check the disk of the manifest and the space on it, or name another file with --manifest.';
  const message = `the manifest ${path} could not be written: ${reason}${kept}`;
  return new ManifestError(message, hint, { cause });
}
