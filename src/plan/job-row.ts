import type { Problem } from '../core/errors.js';
import type { Extra } from '../core/model.js';
import { visible } from '../core/text.js';
import { checkFields, type MediaOptions } from './limits.js';
import { lostAs } from './playlist.js';
import type { RawRow } from './raw-rows.js';
import { cleanStoragePath } from './templates.js';

/** One row of a job list: a file, and what it says of the media. */
export interface Row {
  readonly path: string;
  /** Null where the media had none in the run that a manifest tells of. */
  readonly cover?: string | null;
  /** Stronger than the flags. `name` and `storagePath` are taken as they stand, not as templates. */
  readonly media: MediaOptions;
  /** The columns that are not known here, and those that are, as `given`. */
  readonly extra?: Extra;
}

export interface ReadRow {
  readonly row: Row;
  readonly problems: readonly Problem[];
  /** A record of a file that its run could not plan: it tells nothing of the media. */
  readonly isUnplanned: boolean;
  /** Columns that cannot come back in the manifest. */
  readonly lostColumns: readonly string[];
}

const TEXT_COLUMNS = [
  'cover',
  'name',
  'mediaType',
  'coverType',
  'procedure',
  'storageRegion',
  'expireTime',
  'sourceContext',
  'sessionContext',
  'storagePath',
  'extInfo',
] as const;
const NUMBER_COLUMNS = ['classId', 'subAppId'] as const;
/** Of the arrays and objects of one value. */
const MAX_DEPTH = 100;

export const KNOWN_COLUMNS: ReadonlySet<string> = new Set([
  'path',
  ...TEXT_COLUMNS,
  ...NUMBER_COLUMNS,
]);

/** What a manifest's record tells of its run, besides known columns. */
export const RESULT_COLUMNS: ReadonlySet<string> = new Set([
  'status',
  'reason',
  'size',
  'mtime',
  'crc64',
  'fileId',
  'mediaUrl',
  'coverUrl',
  'storage',
  'task',
  'bytesSent',
  'bytesResumed',
  'attempts',
  'startedAt',
  'finishedAt',
  'durationMs',
  'requestIds',
  'error',
]);

/** The columns into which a CSV manifest spreads parts of a record. */
export const CSV_COLUMNS: ReadonlySet<string> = new Set([
  'bucket',
  'region',
  'storagePath',
  'applyRequestId',
  'commitRequestId',
  'errorStage',
  'errorCode',
  'errorServiceCode',
  'errorMessage',
  'errorHint',
  'errorRequestId',
  'errorRetryable',
]);

/** What a record tells of its media, be it from a row, the flags or the disk. */
export const MEDIA_COLUMNS: ReadonlySet<string> = new Set([
  'name',
  'mediaType',
  'cover',
  'procedure',
]);

const STATUSES: ReadonlySet<unknown> = new Set([
  'uploaded',
  'skipped',
  'failed',
  'interrupted',
  'unknown',
]);
/** What CSV manifests alone have, and lists of anybody else hardly ever. */
const CSV_MARKS = [...CSV_COLUMNS].filter((column) => /^(error|apply|commit)/.test(column));
/** Any of them tells, with a status, a record from the row of a list that has a status of its own. */
const RECORD_MARKS = [
  ...['reason', 'fileId', 'mediaUrl', 'crc64', 'bytesSent', 'bytesResumed', 'attempts'],
  ...['requestIds', ...CSV_MARKS],
];
/** Reasons for which a file was passed over that another run may find gone. */
const PASSING_REASONS: ReadonlySet<unknown> = new Set(['held-by-other-run', 'too-young']);

type Values = Readonly<Record<string, unknown>>;

/**
 * Reads and checks one row; undefined for a record of a manifest of which nothing is left to do. Flags
 * win over what a record tells of its media (`flagged`: the columns that they decide), not over its row.
 */
export function readRow(
  { values: raw }: RawRow,
  now: Date,
  flagged: ReadonlySet<string>,
): ReadRow | undefined {
  const isRecord = isManifestRecord(raw);
  if (isRecord && !isToDo(raw)) return undefined;
  const problems: Problem[] = [];
  const values = isRecord ? ofRecord(raw, problems) : ofList(raw, problems);
  const path = readPath(values['path'], problems);
  const given = readGiven(values, problems);
  const recorded = isRecord ? readGiven(recordedOf(raw, flagged), problems) : {};
  const { cover, ...options } = { ...recorded, ...given };
  const media = checkFields(options, (field) => field, now, problems);
  checkPlaylist(path, media.mediaType, problems);
  const isPlanned = isRecord && !isAbsent(raw['name']);
  const hadNone = isPlanned && tellsCover(raw, flagged);
  const extra = readExtraColumns(values, given, problems);
  return {
    row: {
      path,
      media,
      ...(hadNone ? { cover: null } : {}),
      ...(cover === undefined ? {} : { cover }),
      ...(extra === undefined ? {} : { extra }),
    },
    problems,
    isUnplanned: isRecord && !isPlanned,
    lostColumns: isRecord ? [] : Object.keys(values).filter(isReserved),
  };
}

/** What comes back in the manifest: the columns that are not known, and the known ones as they were given. */
function readExtraColumns(values: Values, given: object, problems: Problem[]): Extra | undefined {
  const unknown = Object.entries(values).filter(([column]) => isUnknown(column));
  for (const [column, value] of unknown) isStorable(column, value, problems);
  const extra = Object.fromEntries(unknown);
  if (Object.keys(given).length > 0) extra['given'] = given;
  return Object.keys(extra).length === 0 ? undefined : extra;
}

function isManifestRecord(raw: Values): boolean {
  return STATUSES.has(raw['status']) && RECORD_MARKS.some((column) => column in raw);
}

/** The same row, unless it may be of a manifest cut down to its status: that tells what was uploaded. */
function ofList(raw: Values, problems: Problem[]): Values {
  const { status } = raw;
  if (STATUSES.has(status)) {
    problems.push({
      message: `its status is ${String(status)}, but it has no other result of a manifest`,
      hint: "Keep the manifest's columns, or rename the column status.",
    });
  }
  return raw;
}

function isToDo({ status, reason }: Values): boolean {
  return status !== 'uploaded' && (status !== 'skipped' || PASSING_REASONS.has(reason));
}

function tellsCover(record: Values, flagged: ReadonlySet<string>): boolean {
  return 'cover' in record && !flagged.has('cover');
}

function isReserved(column: string): boolean {
  return RESULT_COLUMNS.has(column) || column === 'given';
}

function isUnknown(column: string): boolean {
  return !KNOWN_COLUMNS.has(column) && !isReserved(column);
}

/** A record as the row that it came from: without the results, and with what that row said. */
function ofRecord(record: Values, problems: Problem[]): Values {
  const isSpread = CSV_MARKS.some((column) => column in record);
  const isResult = (column: string): boolean =>
    MEDIA_COLUMNS.has(column) || (isSpread && (CSV_COLUMNS.has(column) || column === 'extra'));
  const own = Object.entries(record).filter(([column]) => !isResult(column));
  const more = isSpread ? readExtra(record['extra'], problems) : {};
  const given = fieldsOf(more['given'] ?? record['given']);
  const values = { ...Object.fromEntries(own), ...more, ...given };
  const { storagePath } = values;
  return typeof storagePath === 'string' && storagePath.startsWith('/')
    ? { ...values, storagePath: cleanStoragePath(storagePath) }
    : values;
}

function recordedOf(record: Values, flagged: ReadonlySet<string>): Values {
  const columns = [...MEDIA_COLUMNS].filter((column) => !flagged.has(column));
  const values = Object.fromEntries(columns.map((column) => [column, record[column]]));
  const cover = fieldsOf(values['cover'])['path'] ?? values['cover'];
  return { ...values, cover };
}

function readExtra(cell: unknown, problems: Problem[]): Values {
  if (isAbsent(cell)) return {};
  try {
    return fieldsOf(JSON.parse(String(cell)));
  } catch {
    problems.push({
      message: 'extra is not JSON',
      hint: 'Leave this column of the manifest as it was written, or remove it.',
    });
    return {};
  }
}

export function fieldsOf(value: unknown): Values {
  return typeof value === 'object' && value !== null ? (value as Values) : {};
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function readPath(value: unknown, problems: Problem[]): string {
  if (typeof value === 'string' && value !== '') return value;
  const isMissing = isAbsent(value);
  problems.push({
    message: isMissing ? 'it has no path' : 'path is not a text',
    hint: 'Name a file in the column path.',
  });
  return '';
}

/** The known columns but `path`, as far as the row fills them. */
function readGiven(values: Values, problems: Problem[]): MediaOptions & { cover?: string } {
  const given: Record<string, string | number> = {};
  for (const column of TEXT_COLUMNS) {
    const value = values[column];
    if (isAbsent(value) || !isStorable(column, value, problems)) continue;
    if (typeof value === 'string' || typeof value === 'number') given[column] = String(value);
    else problems.push(wrongKind(column, 'a text', value));
  }
  for (const column of NUMBER_COLUMNS) {
    const value = values[column];
    if (isAbsent(value) || !isStorable(column, value, problems)) continue;
    const isPlain = typeof value === 'string' || typeof value === 'number';
    const text = isPlain ? String(value).trim() : '';
    if (/^-?\d+(?:\.\d+)?$/.test(text)) given[column] = Number(text);
    else problems.push(wrongKind(column, 'a number', value));
  }
  return given;
}

function wrongKind(column: string, kind: string, value: unknown): Problem {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return {
    message: `${column} ${visible(shown)} is not ${kind}`,
    hint: `Write ${kind} in the column ${column}, or leave it empty.`,
  };
}

function checkPlaylist(path: string, type: string | undefined, problems: Problem[]): void {
  const lost = lostAs(path, type);
  if (lost !== undefined) problems.push({ message: lost.message, hint: lost.hint });
}

/**
 * Whether a value can come back in the manifest as it was written: a number that JSON.parse has rounded
 * would be sent or come back as another one, and JSON.stringify fails on what is nested too deeply.
 */
function isStorable(column: string, value: unknown, problems: Problem[]): boolean {
  if (isDeeper(value, MAX_DEPTH)) {
    problems.push({
      message: `${visible(column)} is nested more than ${MAX_DEPTH} levels deep`,
      hint: 'Write it as a text in quotes, or leave it out.',
    });
    return false;
  }
  if (isRounded(value)) {
    problems.push({
      message: `${visible(column)} holds a number that exceeds 2^53`,
      hint: 'Write it as a text in quotes.',
    });
    return false;
  }
  return true;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function isRounded(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return typeof value === 'object' && value !== null && Object.values(value).some(isRounded);
}
