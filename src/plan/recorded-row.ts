import type { Problem } from '../core/errors.js';
import { fieldsOf, isAbsent, type Values } from './row-values.js';
import { cleanStoragePath } from './templates.js';

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

/**
 * Whether it is a record of a manifest, not the row of a list. What may be of a manifest cut down to its
 * status, which tells what was uploaded, is a problem.
 */
export function isManifestRecord(raw: Values, problems: Problem[]): boolean {
  const { status } = raw;
  if (!STATUSES.has(status)) return false;
  if (RECORD_MARKS.some((column) => column in raw)) return true;
  problems.push({
    message: `its status is ${String(status)}, but it has no other result of a manifest`,
    hint: "Keep the manifest's columns, or rename the column status.",
  });
  return false;
}

/** Whether something is left to do for the record of a manifest. */
export function isToDo({ status, reason }: Values): boolean {
  return status !== 'uploaded' && (status !== 'skipped' || PASSING_REASONS.has(reason));
}

/** What the walk of a directory fails by. */
const UNREAD: ReadonlySet<unknown> = new Set([
  'source-unreadable',
  'read-error',
  'too-many-open-files',
]);

/** What a record tells of what its run came to. */
export interface Told {
  /** The run could not plan it: nothing is told of the media. */
  readonly isUnplanned: boolean;
  /** The run could not look at it: it may be a directory. */
  readonly isUnread: boolean;
  /** It tells of a cover, or that there was none, and no flag decides that. */
  readonly tellsCover: boolean;
}

/** The row of a list tells nothing. `flagged`: the columns that the flags decide. */
export function toldBy(raw: Values, isRecord: boolean, flagged: ReadonlySet<string>): Told {
  const isUnplanned = isRecord && isAbsent(raw['name']);
  const code = fieldsOf(raw['error'])['code'] ?? raw['errorCode'];
  return {
    isUnplanned,
    isUnread: isRecord && UNREAD.has(code),
    tellsCover: isRecord && !isUnplanned && 'cover' in raw && !flagged.has('cover'),
  };
}

/** A record as the row that it came from: without the results, and with what that row said. */
export function ofRecord(record: Values, problems: Problem[]): Values {
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

/** What the record tells of its media, as far as no flag decides it. */
export function recordedOf(record: Values, flagged: ReadonlySet<string>): Values {
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
