import type { Problem } from '../core/errors.js';
import type { Extra } from '../core/model.js';
import { visible } from '../core/text.js';
import { checkFields, type MediaOptions } from './limits.js';
import { lostAs } from './playlist.js';
import type { RawRow } from './raw-rows.js';
import {
  isManifestRecord,
  isToDo,
  ofRecord,
  recordedOf,
  RESULT_COLUMNS,
  toldBy,
} from './recorded-row.js';
import { isAbsent, isStorable, type Values } from './row-values.js';

/** One row of a job list: a file, and what it says of the media. */
export interface Row {
  readonly path: string;
  /** Null where the media had none in the run that a manifest tells of. */
  readonly cover?: string | null;
  /** Stronger than the flags. `name` and `storagePath` are taken as they stand, not as templates. */
  readonly media: MediaOptions;
  /** The columns that are not known here, and those that are, as `given`. */
  readonly extra?: Extra;
  /** A record of what its run could not look at, which may be a directory. */
  readonly isUnread: boolean;
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
export const KNOWN_COLUMNS: ReadonlySet<string> = new Set([
  'path',
  ...TEXT_COLUMNS,
  ...NUMBER_COLUMNS,
]);

/**
 * Reads and checks one row; undefined for a record of a manifest of which nothing is left to do. Flags
 * win over what a record tells of its media (`flagged`: the columns that they decide), not over its row.
 */
export function readRow(
  { values: raw }: RawRow,
  now: Date,
  flagged: ReadonlySet<string>,
): ReadRow | undefined {
  const problems: Problem[] = [];
  const isRecord = isManifestRecord(raw, problems);
  if (isRecord && !isToDo(raw)) return undefined;
  const values = isRecord ? ofRecord(raw, problems) : raw;
  const path = readPath(values['path'], problems);
  const given = readGiven(values, problems);
  const recorded = isRecord ? readGiven(recordedOf(raw, flagged), problems) : {};
  const { cover, ...options } = { ...recorded, ...given };
  const media = checkFields(options, (field) => field, now, problems);
  checkPlaylist(path, media.mediaType, problems);
  const { isUnplanned, isUnread, tellsCover } = toldBy(raw, isRecord, flagged);
  const extra = readExtraColumns(values, given, problems);
  return {
    row: {
      path,
      media,
      ...(tellsCover ? { cover: null } : {}),
      ...(cover === undefined ? {} : { cover }),
      ...(extra === undefined ? {} : { extra }),
      isUnread,
    },
    problems,
    isUnplanned,
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

function isReserved(column: string): boolean {
  return RESULT_COLUMNS.has(column) || column === 'given';
}

function isUnknown(column: string): boolean {
  return !KNOWN_COLUMNS.has(column) && !isReserved(column);
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
