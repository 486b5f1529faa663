import type {
  Effort,
  Job,
  Outcome,
  Receipt,
  SkipReason,
  Status,
  UploadedAs,
} from '../core/model.js';
import type { FailureCode, Stage, UploadFailure } from '../core/errors.js';

/** What went wrong, as the manifest and the JSON events tell it. */
export interface RecordError {
  readonly stage: Stage | null;
  readonly code: FailureCode;
  readonly message: string;
  readonly hint: string;
  readonly requestId: string | null;
  readonly retryable: boolean;
  readonly serviceCode: string | null;
}

/** One input and what became of it. Every status has every key; what is not known is null. */
export interface ManifestRecord {
  readonly path: string;
  readonly status: Status;
  readonly reason: SkipReason | null;
  readonly size: number | null;
  readonly mtime: string | null;
  readonly crc64: string | null;
  readonly fileId: string | null;
  readonly mediaUrl: string | null;
  readonly coverUrl: string | null;
  readonly name: string | null;
  readonly mediaType: string | null;
  readonly cover: {
    readonly path: string;
    readonly size: number;
    readonly crc64: string | null;
  } | null;
  readonly storage: {
    readonly bucket: string;
    readonly region: string;
    readonly path: string;
  } | null;
  readonly procedure: string | null;
  readonly task: {
    readonly id: string | null;
    readonly status: string | null;
    readonly subtasks: readonly unknown[];
  };
  readonly bytesSent: number;
  readonly bytesResumed: number;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly durationMs: number | null;
  readonly requestIds: { readonly apply: string | null; readonly commit: string | null };
  readonly error: RecordError | null;
}

/** The one manifest record of an outcome; at its end, what a job list said of the input besides. */
export function toRecord(outcome: Outcome): ManifestRecord {
  const own = ownRecord(outcome);
  const extra = outcome.job?.extra ?? ('extra' in outcome ? outcome.extra : undefined);
  // A key of both keeps the place and the value that it has in every record.
  return extra === undefined ? own : { ...own, ...extra, ...own };
}

function ownRecord(outcome: Outcome): ManifestRecord {
  const { job } = outcome;
  const receipt = 'receipt' in outcome ? outcome.receipt : undefined;
  const was = 'was' in outcome ? outcome.was : undefined;
  const options: UploadedAs | undefined = was ?? job?.request;
  return {
    path: outcome.path,
    status: outcome.status,
    reason: outcome.status === 'skipped' ? outcome.reason : null,
    ...sourceFields(outcome),
    ...mediaFields(receipt),
    ...optionFields(options),
    cover: coverOf(job, receipt, was),
    storage: receipt ? storageOf(receipt) : null,
    procedure: options?.procedure ?? null,
    task: { id: null, status: null, subtasks: [] },
    ...effortFields('effort' in outcome ? outcome.effort : undefined),
    requestIds: {
      apply: receipt?.requestIds.apply ?? null,
      commit: receipt?.requestIds.commit ?? null,
    },
    error: 'failure' in outcome ? errorOf(outcome.failure, job) : null,
  };
}

function sourceFields(outcome: Outcome): Pick<ManifestRecord, 'size' | 'mtime'> {
  const found = outcome.status === 'skipped' ? outcome : undefined;
  const source = outcome.job?.media ?? found;
  return { size: source?.size ?? null, mtime: isoFromNs(source?.mtimeNs) };
}

function mediaFields(
  receipt: Receipt | undefined,
): Pick<ManifestRecord, 'crc64' | 'fileId' | 'mediaUrl' | 'coverUrl'> {
  return {
    crc64: receipt?.crc64 ?? null,
    fileId: receipt?.fileId ?? null,
    mediaUrl: receipt?.mediaUrl ?? null,
    coverUrl: receipt?.coverUrl ?? null,
  };
}

function optionFields(options: UploadedAs = {}): Pick<ManifestRecord, 'name' | 'mediaType'> {
  return { name: options.mediaName ?? null, mediaType: options.mediaType ?? null };
}

function coverOf(
  job: Job | undefined,
  receipt: Receipt | undefined,
  was: UploadedAs | undefined,
): ManifestRecord['cover'] {
  // A media may be there without the cover that it has on this disk.
  if (job?.cover === undefined || (receipt && receipt.coverCrc64 === undefined)) return null;
  return {
    path: job.cover.path,
    size: was?.coverSize ?? job.cover.size,
    crc64: receipt?.coverCrc64 ?? null,
  };
}

function storageOf({ storage }: Receipt): ManifestRecord['storage'] {
  return { bucket: storage.bucket, region: storage.region, path: storage.path };
}

function effortFields(
  effort: Effort | undefined,
): Pick<
  ManifestRecord,
  'bytesSent' | 'bytesResumed' | 'attempts' | 'startedAt' | 'finishedAt' | 'durationMs'
> {
  return {
    bytesSent: effort?.bytesSent ?? 0,
    bytesResumed: effort?.bytesResumed ?? 0,
    attempts: effort?.attempts ?? 0,
    startedAt: effort?.startedAt.toISOString() ?? null,
    finishedAt: effort?.finishedAt.toISOString() ?? null,
    durationMs: effort ? Math.max(0, +effort.finishedAt - +effort.startedAt) : null,
  };
}

function errorOf(failure: UploadFailure, job: Job | undefined): RecordError {
  return {
    stage: failure.facts.stage ?? (job ? null : 'plan'),
    code: failure.code,
    message: failure.message,
    hint: failure.hint,
    requestId: failure.facts.requestId ?? null,
    retryable: failure.rule.retryable,
    serviceCode: failure.facts.serviceCode ?? null,
  };
}

/** A damaged file system may hold times that no date can: those are null. */
function isoFromNs(ns: bigint | undefined): string | null {
  if (ns === undefined) return null;
  const date = new Date(Number(ns / 1_000_000n));
  return Number.isNaN(+date) ? null : date.toISOString();
}
