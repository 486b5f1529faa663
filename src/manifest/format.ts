import type { Summary } from '../core/model.js';
import type { ManifestRecord } from './record.js';
import { manifestSchema } from './schema.js';

/** What the manifest says of the run before its first record. */
export interface ManifestHead {
  readonly tool: { readonly name: string; readonly version: string };
  readonly runId: string;
  readonly startedAt: Date;
  /** The settings as resolved, without secrets. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What the manifest says of the run after its last record. */
export interface ManifestTail {
  readonly finishedAt: Date;
  readonly durationMs: number;
  readonly exitCode: number;
  readonly summary: Summary;
}

/** How records become text; every piece can be written as soon as it is known. */
export interface Layout {
  head(head: ManifestHead): string;
  record(record: ManifestRecord, isFirst: boolean): string;
  tail(tail: ManifestTail): string;
}

/** By extension; whatever is not .jsonl or .csv is JSON. */
export function layoutOf(path: string): Layout {
  const name = path.toLowerCase();
  return name.endsWith('.jsonl') ? jsonl : name.endsWith('.csv') ? csv : json;
}

/** One document, with one record a line so that people and line tools can read it too. */
const json: Layout = {
  head: ({ tool, runId, startedAt, options }) =>
    [
      '{',
      '  "schema": 1,',
      `  "tool": ${JSON.stringify(tool)},`,
      `  "runId": ${JSON.stringify(runId)},`,
      `  "startedAt": ${JSON.stringify(startedAt)},`,
      `  "options": ${JSON.stringify(options)},`,
      '  "results": [',
    ].join('\n'),
  record: (record, isFirst) => `${isFirst ? '' : ','}\n    ${JSON.stringify(record)}`,
  tail: ({ finishedAt, durationMs, exitCode, summary }) =>
    [
      '',
      '  ],',
      `  "finishedAt": ${JSON.stringify(finishedAt)},`,
      `  "durationMs": ${durationMs},`,
      `  "exitCode": ${exitCode},`,
      `  "summary": ${JSON.stringify(summary)}`,
      '}',
      '',
    ].join('\n'),
};

/** Records and nothing else: a line is a record, so the file is a job list as it stands. */
const jsonl: Layout = {
  head: () => '',
  record: (record) => `${JSON.stringify(record)}\n`,
  tail: () => '',
};

type Cell = string | number | boolean | null | undefined;

const columns: Readonly<Record<string, (record: ManifestRecord) => Cell>> = {
  path: (record) => record.path,
  status: (record) => record.status,
  reason: (record) => record.reason,
  size: (record) => record.size,
  mtime: (record) => record.mtime,
  crc64: (record) => record.crc64,
  fileId: (record) => record.fileId,
  mediaUrl: (record) => record.mediaUrl,
  coverUrl: (record) => record.coverUrl,
  name: (record) => record.name,
  mediaType: (record) => record.mediaType,
  cover: (record) => record.cover?.path,
  bucket: (record) => record.storage?.bucket,
  region: (record) => record.storage?.region,
  storagePath: (record) => record.storage?.path,
  procedure: (record) => record.procedure,
  bytesSent: (record) => record.bytesSent,
  bytesResumed: (record) => record.bytesResumed,
  attempts: (record) => record.attempts,
  startedAt: (record) => record.startedAt,
  finishedAt: (record) => record.finishedAt,
  durationMs: (record) => record.durationMs,
  applyRequestId: (record) => record.requestIds.apply,
  commitRequestId: (record) => record.requestIds.commit,
  errorStage: (record) => record.error?.stage,
  errorCode: (record) => record.error?.code,
  errorServiceCode: (record) => record.error?.serviceCode,
  errorMessage: (record) => record.error?.message,
  errorHint: (record) => record.error?.hint,
  errorRequestId: (record) => record.error?.requestId,
  errorRetryable: (record) => record.error?.retryable,
  extra: extraOf,
};

const OWN_KEYS: ReadonlySet<string> = new Set(manifestSchema.$defs.record.required);

/** What a job list said besides, as JSON, since every row has other columns. */
function extraOf(record: ManifestRecord): string | undefined {
  const extra = Object.entries(record).filter(([key]) => !OWN_KEYS.has(key));
  return extra.length === 0 ? undefined : JSON.stringify(Object.fromEntries(extra));
}

/** RFC 4180. Cells are exact, since a path must come back as it went out. */
const csv: Layout = {
  head: () => row(Object.keys(columns)),
  record: (record) => row(Object.values(columns).map((cell) => cell(record))),
  tail: () => '',
};

function row(cells: readonly Cell[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

function quoted(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
