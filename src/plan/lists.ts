import { createReadStream } from 'node:fs';
import path from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Problem } from '../core/errors.js';
import { visible } from '../core/text.js';
import { explain } from './inspect.js';

export interface ListSources {
  readonly cwd: string;
  readonly stdin?: Readable;
  readonly filesFrom?: string;
  readonly filesFrom0?: string;
  readonly jobs?: string;
}

/** A list of paths, kept as the bytes that it came in: whether its files belong together shows at its end. */
export type PathList = Iterable<string>;

const NUL = 0;
const LINE_FEED = 10;

/** Standard input can be read by one list only. */
export function checkStandardInput(sources: ListSources, problems: Problem[]): boolean {
  const { filesFrom, filesFrom0, jobs } = sources;
  const flags = Object.entries({
    '--files-from': filesFrom,
    '--files-from0': filesFrom0,
    '--jobs': jobs,
  }).flatMap(([flag, file]) => (file === '-' ? [flag] : []));
  if (flags.length < 2) return true;
  const message = `${flags.join(' and ')} cannot both read standard input`;
  problems.push({ message, hint: 'Give one of them a file.' });
  return false;
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
    const bytes = await readAll(flag, file, sources, problems, signal);
    if (bytes !== undefined) lists.push({ [Symbol.iterator]: () => split(bytes, separator) });
  }
  return lists;
}

/** All bytes of a list; undefined where there is a problem with them. */
export async function readAll(
  flag: string,
  file: string,
  sources: ListSources,
  problems: Problem[],
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const stream = file === '-' ? sources.stdin : createReadStream(path.resolve(sources.cwd, file));
  if (stream === undefined) {
    const message = `${flag} -: there is no standard input`;
    problems.push({ message, hint: 'Name a file that holds the list.' });
    return undefined;
  }
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of addAbortSignal(signal, stream) as AsyncIterable<Buffer>) {
      chunks.push(Buffer.from(chunk));
    }
  } catch (error) {
    signal.throwIfAborted();
    const reason = (error as NodeJS.ErrnoException).code === 'EISDIR' ? 'it is a directory' : '';
    const message = reason
      ? `cannot read ${visible(file)}: ${reason}`
      : explain(error, file).message;
    problems.push({ message: `${flag}: ${message}`, hint: `Name a list with ${flag}.` });
    return undefined;
  }
  return Buffer.concat(chunks);
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
