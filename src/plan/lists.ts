import { createReadStream, fstatSync } from 'node:fs';
import path from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { usageError, type Problem } from '../core/errors.js';
import { explain } from './inspect.js';
import { readPieces, threadFs } from './quick-fs.js';

interface ListPlace {
  readonly cwd: string;
  readonly stdin: Readable;
}

export interface ListSources extends ListPlace {
  readonly filesFrom?: string;
  readonly filesFrom0?: string;
  readonly jobs?: string;
  readonly excludeFrom?: readonly string[];
}

/** A list of paths, kept as the bytes that it came in: whether its files belong together shows at its end. */
export type PathList = Iterable<string>;

const NUL = 0;
const LINE_FEED = 10;

/** Throws UsageError where more than one list would read standard input. */
export function assertOneReader(sources: ListSources): void {
  const { filesFrom, filesFrom0, jobs, excludeFrom = [] } = sources;
  const flags = Object.entries({
    '--files-from': [filesFrom],
    '--files-from0': [filesFrom0],
    '--jobs': [jobs],
    '--exclude-from': excludeFrom,
  }).flatMap(([flag, files]) => files.filter((file) => file === '-').map(() => flag));
  if (flags.length < 2) return;
  const message = `${flags.join(' and ')} cannot both read standard input`;
  throw usageError(message, 'Give one of them a file.');
}

/** Reads `--files-from` and `--files-from0`; what goes wrong is added to `problems`. */
export async function readLists(
  sources: ListSources,
  problems: Problem[],
  signal: AbortSignal,
): Promise<PathList[]> {
  const { filesFrom, filesFrom0 } = sources;
  const lists: PathList[] = [];
  for (const [flag, file, separator] of [
    ['--files-from', filesFrom, LINE_FEED],
    ['--files-from0', filesFrom0, NUL],
  ] as const) {
    if (file === undefined) continue;
    try {
      const bytes = await readAll(file, sources, signal);
      lists.push({ [Symbol.iterator]: () => split(bytes, separator) });
    } catch (error) {
      signal.throwIfAborted();
      const message = `${flag}: ${explain(error, nameOfList(file)).message}`;
      problems.push({ message, hint: `Name a list with ${flag}.` });
    }
  }
  return lists;
}

/**
 * The bytes of a list, as often as they are asked for: a regular file is read again, so that a long one
 * costs no memory. Anything else is kept, and has all the time that it needs.
 */
export function bytesOf(
  file: string,
  { cwd, stdin }: ListPlace,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const absolute = path.resolve(cwd, file);
  let kept: readonly Buffer[] | undefined;
  return {
    async *[Symbol.asyncIterator]() {
      if (kept === undefined && file !== '-' && (await threadFs.stat(absolute)).isFile()) {
        yield* readPieces(absolute);
        return;
      }
      const stream = file === '-' ? readable(stdin) : createReadStream(absolute);
      kept ??= await collect(addAbortSignal(signal, stream), signal);
      yield* kept;
    },
  };
}

/** Standard input; Node takes a directory for one that is empty. Throws EISDIR. */
function readable(stdin: Readable & { readonly fd?: number }): Readable {
  if (stdin.fd === undefined || !fstatSync(stdin.fd).isDirectory()) return stdin;
  throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
}

/** A list as messages name it. */
export function nameOfList(file: string): string {
  return file === '-' ? 'standard input' : file;
}

export async function readAll(
  file: string,
  place: ListPlace,
  signal: AbortSignal,
): Promise<Buffer> {
  return Buffer.concat(await collect(bytesOf(file, place, signal), signal));
}

async function collect(source: AsyncIterable<Buffer>, signal: AbortSignal): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of source) {
    signal.throwIfAborted();
    pieces.push(piece);
  }
  return pieces;
}

function* split(bytes: Buffer, separator: number): Generator<string> {
  const hasMark = bytes.length > 2 && bytes.readUIntBE(0, 3) === 0xefbbbf;
  let start = hasMark ? 3 : 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(separator, start);
    const end = found === -1 ? bytes.length : found;
    const entry = bytes.toString('utf8', start, end);
    const name = separator === LINE_FEED ? entry.replace(/\r$/, '') : entry;
    if (name !== '') yield name;
    start = end + 1;
  }
}
