import path from 'node:path';
import { UploadFailure, type Problem } from '../core/errors.js';
import { visible } from '../core/text.js';
import { createCsvReader } from './csv-rows.js';
import type { Entry } from './entry.js';
import { explain } from './inspect.js';
import { KNOWN_COLUMNS, readRow, type ReadRow, type Row } from './job-row.js';
import { createJsonReader } from './json-rows.js';
import { bytesOf, nameOfList, type ListSources } from './lists.js';
import { extensionOf, isImageType, isPlaylistType } from './media-types.js';
import { ListSyntaxError, type RawRow, type RowReader } from './raw-rows.js';
import { MEDIA_COLUMNS } from './recorded-row.js';
import { fieldsOf } from './row-values.js';

export interface JobListOptions extends ListSources {
  readonly now: Date;
  readonly mediaType: string | undefined;
  /** The columns that the flags decide. */
  readonly flagged: ReadonlySet<string>;
  warn(message: string): void;
  /** Is told those options of a manifest's run that its rows to do lack; none where no row is to do. */
  onRunOptions?(options: Readonly<Record<string, unknown>>): void;
}

/** A job list of which every row has been checked. */
export interface JobList {
  /** Reads the list again, row by row; ends with a failed entry where that has become wrong. */
  readonly rows: AsyncIterable<Row | Entry>;
  readonly playlists: readonly { readonly path: string; readonly type: string }[];
}

/** Of one list; further ones are counted. */
const SHOWN_PROBLEMS = 20;
/** Columns that are remembered, so that each is warned of once. */
const MAX_NOTED_COLUMNS = 1000;

/** Reads `--jobs` once to check every row; what is wrong with them is added to `problems`. */
export async function readJobList(
  file: string,
  options: JobListOptions,
  problems: Problem[],
  signal: AbortSignal,
): Promise<JobList> {
  const shown = visible(nameOfList(file));
  const bytes = bytesOf(file, options, signal);
  const playlists: { path: string; type: string }[] = [];
  const noteColumns = createColumnNotes(shown, (message) => options.warn(message));
  const runOptions = createRunOptions(options.flagged);
  let problemCount = 0;
  try {
    for await (const { raw, read } of readRows(bytes, file, options, runOptions.take)) {
      signal.throwIfAborted();
      noteColumns(read);
      runOptions.note(read);
      for (const { message, hint } of read.problems) {
        problemCount += 1;
        if (problemCount > SHOWN_PROBLEMS) continue;
        const where = `row ${raw.row} (line ${raw.line})`;
        problems.push({ message: `${shown}, ${where}: ${message}`, hint });
      }
      const { path: name, media } = read.row;
      const extension = extensionOf(path.basename(name));
      const type = media.mediaType ?? options.mediaType ?? extension;
      if (isPlaylistType(type) && !isImageType(extension)) playlists.push({ path: name, type });
    }
  } catch (error) {
    signal.throwIfAborted();
    problems.push(problemWith(error, file, shown));
  }
  options.onRunOptions?.(runOptions.untold());
  if (problemCount > SHOWN_PROBLEMS) {
    const message = `${shown}: and ${problemCount - SHOWN_PROBLEMS} more such problems`;
    problems.push({ message, hint: 'Correct the rows above first.' });
  }
  return { rows: readAgain(bytes, file, shown, options), playlists };
}

/** The rows that are to become jobs, as they stand in the list. */
async function* readRows(
  bytes: AsyncIterable<Buffer>,
  file: string,
  { now, flagged }: JobListOptions,
  onAround: (document: unknown) => void = () => undefined,
): AsyncGenerator<{ readonly raw: RawRow; readonly read: ReadRow }, void, undefined> {
  let reader: RowReader | undefined;
  let head: Buffer = Buffer.alloc(0);
  function* readAsRows(rows: readonly RawRow[]) {
    for (const raw of rows) {
      const read = readRow(raw, now, flagged);
      if (read !== undefined) yield { raw, read };
    }
  }
  for await (const piece of bytes) {
    if (reader !== undefined) {
      yield* readAsRows(reader.feed(piece));
      continue;
    }
    head = Buffer.concat([head, piece]);
    // A pipe may hand over less than a byte order mark at first.
    if (head.length < 4) continue;
    reader = chooseReader(file, head, onAround);
    yield* readAsRows(reader.feed(withoutMark(head)));
  }
  if (reader === undefined) {
    reader = chooseReader(file, head, onAround);
    yield* readAsRows(reader.feed(withoutMark(head)));
  }
  yield* readAsRows(reader.end());
}

/** By extension, otherwise by the first character. */
function chooseReader(
  file: string,
  head: Buffer,
  onAround: (document: unknown) => void,
): RowReader {
  const mark = head.toString('latin1', 0, 2);
  if (mark === '\xff\xfe' || mark === '\xfe\xff') {
    throw new ListSyntaxError('it is UTF-16', 'Save the list as UTF-8.');
  }
  const extension = extensionOf(path.basename(file));
  if (extension === 'csv') return createCsvReader();
  const isJson =
    ['json', 'jsonl', 'ndjson'].includes(extension) ||
    /^\s*[[{]/.test(withoutMark(head).toString('latin1'));
  return isJson ? createJsonReader(onAround) : createCsvReader();
}

function withoutMark(head: Buffer): Buffer {
  return head.toString('latin1', 0, 3) === '\xef\xbb\xbf' ? head.subarray(3) : head;
}

async function* readAgain(
  bytes: AsyncIterable<Buffer>,
  file: string,
  shown: string,
  options: JobListOptions,
): AsyncGenerator<Row | Entry, void, undefined> {
  try {
    for await (const { read } of readRows(bytes, file, options)) {
      if (read.problems.length > 0) throw new ListSyntaxError('a row became wrong', '');
      yield read.row;
    }
  } catch (error) {
    const { message } = problemWith(error, file, shown);
    const failure = new UploadFailure(
      'source-changed',
      `the job list changed while it was read: ${message}`,
      { cause: error },
    );
    yield { path: file, absolute: path.resolve(options.cwd, file), isNamed: true, failure };
  }
}

/** Throws what is no problem of the list. */
function problemWith(error: unknown, file: string, shown: string): Problem {
  if (error instanceof ListSyntaxError) {
    return { message: `${shown}: ${error.message}`, hint: error.hint };
  }
  const { message } = explain(error, nameOfList(file));
  return { message: `--jobs: ${message}`, hint: 'Name a job list with --jobs.' };
}

/** The options of a manifest's run, without those that all rows to do tell of themselves. */
function createRunOptions(flagged: ReadonlySet<string>) {
  let options: Readonly<Record<string, unknown>> = {};
  let isToDo = false;
  let arePlanned = true;
  const isTold = (name: string): boolean => {
    const column = name === 'covers' ? 'cover' : name;
    return arePlanned && MEDIA_COLUMNS.has(column) && !flagged.has(column);
  };
  return {
    /** Of what stands around the rows. */
    take(this: void, document: unknown): void {
      options = fieldsOf(fieldsOf(document)['options']);
    },
    note({ isUnplanned }: ReadRow): void {
      isToDo = true;
      arePlanned &&= !isUnplanned;
    },
    untold(): Readonly<Record<string, unknown>> {
      const untold = isToDo ? Object.entries(options).filter(([name]) => !isTold(name)) : [];
      return Object.fromEntries(untold);
    },
  };
}

/** Tells, once a column, of names that are almost known and of columns that cannot come back. */
function createColumnNotes(
  shown: string,
  warn: (message: string) => void,
): (read: ReadRow) => void {
  const noted = new Set<string>();
  const bare = (column: string): string => column.toLowerCase().replace(/[^a-z]/g, '');
  const known = new Map([...KNOWN_COLUMNS].map((column) => [bare(column), column]));

  function isNew(column: string): boolean {
    if (noted.has(column) || noted.size >= MAX_NOTED_COLUMNS) return false;
    noted.add(column);
    return true;
  }

  return ({ row, lostColumns }) => {
    for (const column of lostColumns.filter(isNew)) {
      warn(`${shown}: the column ${column} is not kept: a manifest has its own of that name`);
    }
    for (const column of Object.keys(row.extra ?? {}).filter(isNew)) {
      const meant = known.get(bare(column));
      if (meant === undefined) continue;
      warn(`${shown}: the column ${visible(column)} has no effect: did you mean ${meant}?`);
    }
  };
}
