import fs from 'node:fs';
import { UploadFailure } from '../core/errors.js';
import type { SourceFile } from '../core/model.js';
import type { Source } from '../core/ports.js';
import { visible } from '../core/text.js';
import { orAborted } from '../core/waits.js';
import { reasonOf } from './inspect.js';
import { quickFs, readLater } from './quick-fs.js';

/**
 * A planned file for positional reads. It is opened by the first of them, so that files whose turn
 * has not come hold no descriptor, and one that could not be opened may be tried again.
 */
export function sourceOf(file: SourceFile): Source {
  let opening: Promise<number> | undefined;
  let reads = 0;
  let isClosed = false;

  function descriptor(): Promise<number> {
    opening ??= openPlanned(file).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  // Its number may be that of another file as soon as it is closed.
  async function closeUnused(): Promise<void> {
    if (reads > 0 || !isClosed) return;
    const opened = await opening?.catch(() => undefined);
    opening = undefined;
    // What a file that was only read says at its end means nothing.
    if (opened !== undefined) await quickFs.close(opened).catch(() => undefined);
  }

  return {
    file,
    async read(into, position) {
      reads += 1;
      try {
        return await readFully(await descriptor(), file, into, position);
      } finally {
        reads -= 1;
        void closeUnused();
      }
    },
    assertUnchanged: (signal) => orAborted(assertUnchanged(file), signal),
    close() {
      isClosed = true;
      void closeUnused();
    },
  };
}

async function openPlanned(file: SourceFile): Promise<number> {
  try {
    // Without O_NONBLOCK, a pipe that has taken the file's place would hold the run up for ever.
    return await quickFs.open(file.realPath, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    throw readFailure(error, file);
  }
}

/**
 * Fills `into`, or as much of it as the file has according to the plan. Of a large file one chunk is
 * read in another thread while this one serves other connections.
 */
async function readFully(
  descriptor: number,
  file: SourceFile,
  into: Uint8Array,
  position: number,
): Promise<number> {
  const wanted = Math.max(0, Math.min(into.length, file.size - position));
  const read = wanted === file.size ? quickFs.read : readLater;
  let filled = 0;
  while (filled < wanted) {
    let bytesRead: number;
    try {
      const [length, at] = [wanted - filled, position + filled];
      bytesRead = await read(descriptor, into, filled, length, at);
    } catch (error) {
      throw readFailure(error, file);
    }
    if (bytesRead === 0) throw changed(file, 'it became shorter');
    filled += bytesRead;
  }
  return filled;
}

/**
 * Throws `source-missing` where the file is gone, `source-changed` unless size, mtime and inode are those
 * of the plan. Asks the path, not a handle: a file that was replaced is another file.
 */
export async function assertUnchanged(file: SourceFile): Promise<void> {
  let now;
  try {
    now = await quickFs.stat(file.realPath);
  } catch (error) {
    throw readFailure(error, file);
  }
  if (now.ino !== file.inode) throw changed(file, 'it was replaced by another file');
  if (now.size !== BigInt(file.size)) {
    throw changed(file, `it had ${file.size} bytes and has ${now.size}`);
  }
  if (now.mtimeNs !== file.mtimeNs) throw changed(file, 'it was written to');
}

function changed(file: SourceFile, reason: string): UploadFailure {
  const message = `${visible(file.path)} changed since it was planned: ${reason}`;
  return new UploadFailure('source-changed', message);
}

function readFailure(error: unknown, file: SourceFile): UploadFailure {
  const [code, reason] = reasonOf(error);
  const shown = visible(file.path);
  const message =
    code === 'source-missing'
      ? `${shown} does not exist any more`
      : `cannot read ${shown}: ${reason}`;
  return new UploadFailure(code, message, { cause: error });
}
