import type { UploadEvent } from '../core/events.js';
import type { JobId } from '../core/ids.js';
import type { Job, Outcome, Status, Summary } from '../core/model.js';

/** A file in flight. */
export interface ActiveJob {
  readonly path: string;
  readonly size: number;
  readonly bytesStored: number;
  /** What the rate has counted; undefined until the first progress, which may tell of an earlier run. */
  readonly bytesCounted?: number;
}

/** How many bytes had been acknowledged in this run, and when. */
interface Sample {
  readonly atMs: number;
  readonly bytesMoved: number;
}

/** All that is known of a run from its events. Grows with the files in flight, not with the settled. */
export interface Tally {
  readonly jobsPlanned: number;
  readonly bytesPlanned: number;
  readonly isPlanFinished: boolean;
  readonly active: Map<JobId, ActiveJob>;
  readonly settled: Readonly<Record<Status, number>>;
  /** Settled inputs that were jobs; the others never were part of the totals. */
  readonly jobsSettled: number;
  readonly jobBytesSettled: number;
  readonly bytes: number;
  readonly bytesSent: number;
  readonly bytesMoved: number;
  readonly samples: readonly Sample[];
}

/** The figures that people look at. */
export interface Progress {
  readonly filesSettled: number;
  readonly filesTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** 0 to 1. */
  readonly fraction: number;
  /** Bytes a second; undefined until something was acknowledged. */
  readonly rate?: number;
  /** Undefined while the totals still grow. */
  readonly remainingMs?: number;
}

/**
 * Acknowledged bytes come in steps of a whole part, so the rate looks back over a number of
 * steps rather than a time: about 16 s on a fast link, as long as it takes on a slow one.
 */
const SAMPLES = 32;
const SAMPLE_INTERVAL_MS = 500;

/** The tally of a run that has not begun. */
export function emptyTally(): Tally {
  return {
    jobsPlanned: 0,
    bytesPlanned: 0,
    isPlanFinished: false,
    active: new Map(),
    settled: { uploaded: 0, skipped: 0, failed: 0, interrupted: 0, unknown: 0 },
    jobsSettled: 0,
    jobBytesSettled: 0,
    bytes: 0,
    bytesSent: 0,
    bytesMoved: 0,
    samples: [],
  };
}

/**
 * The tally after one more event. The map of the files in flight goes on from the tally before it,
 * which is over: a copy for each event would cost more than all else.
 */
export function advance(tally: Tally, event: UploadEvent, nowMs: number): Tally {
  switch (event.type) {
    case 'job-planned':
      return {
        ...tally,
        jobsPlanned: tally.jobsPlanned + 1,
        bytesPlanned: tally.bytesPlanned + event.size,
      };
    case 'plan-finished':
      return { ...tally, isPlanFinished: true };
    case 'job-started':
      return start(tally, event.id, { path: event.path, size: event.size, bytesStored: 0 }, nowMs);
    case 'job-progress':
      return progress(tally, event, nowMs);
    case 'job-settled':
      return settle(tally, event.outcome, event.id, nowMs);
    default:
      return tally;
  }
}

function start(tally: Tally, id: JobId, job: ActiveJob, nowMs: number): Tally {
  tally.active.set(id, { ...tally.active.get(id), ...job });
  const samples = tally.samples.length > 0 ? tally.samples : [{ atMs: nowMs, bytesMoved: 0 }];
  return { ...tally, samples };
}

function progress(
  tally: Tally,
  event: Extract<UploadEvent, { type: 'job-progress' }>,
  nowMs: number,
): Tally {
  const before = tally.active.get(event.id);
  const bytesStored = Math.min(event.bytesStored, event.size);
  const moved = before?.bytesCounted === undefined ? 0 : bytesStored - before.bytesStored;
  tally.active.set(event.id, {
    path: event.path,
    size: event.size,
    bytesStored,
    bytesCounted: (before?.bytesCounted ?? 0) + moved,
  });
  return move(tally, moved, nowMs);
}

function settle(tally: Tally, outcome: Outcome, id: JobId | undefined, nowMs: number): Tally {
  const { job, status } = outcome;
  const jobId = id ?? job?.id;
  const before = jobId === undefined ? undefined : tally.active.get(jobId);
  if (jobId !== undefined) tally.active.delete(jobId);
  const bytesSent = 'effort' in outcome ? (outcome.effort?.bytesSent ?? 0) : 0;
  const settled = {
    ...tally,
    settled: { ...tally.settled, [status]: tally.settled[status] + 1 },
    jobsSettled: tally.jobsSettled + (job ? 1 : 0),
    jobBytesSettled: tally.jobBytesSettled + (before?.size ?? (job ? jobSize(job) : 0)),
    bytes: tally.bytes + (sourceSize(outcome) ?? 0),
    bytesSent: tally.bytesSent + bytesSent,
  };
  return move(settled, Math.max(0, bytesSent - (before?.bytesCounted ?? 0)), nowMs);
}

function move(tally: Tally, bytes: number, nowMs: number): Tally {
  if (bytes === 0) return tally;
  const bytesMoved = tally.bytesMoved + bytes;
  const last = tally.samples.at(-1);
  if (last && nowMs - last.atMs < SAMPLE_INTERVAL_MS) return { ...tally, bytesMoved };
  const samples = [...tally.samples.slice(1 - SAMPLES), { atMs: nowMs, bytesMoved }];
  return { ...tally, bytesMoved, samples };
}

/** What a job adds to the totals: the media and, of a playlist, its segments. Covers do not count. */
function jobSize(job: Job): number {
  return job.segments.reduce((sum, segment) => sum + segment.size, job.media.size);
}

function sourceSize(outcome: Outcome): number | undefined {
  if (outcome.job) return outcome.job.media.size;
  return outcome.status === 'skipped' ? outcome.size : undefined;
}

/** What the tally means at this moment. Percentages never exceed 100, rates never fall below 0. */
export function progressOf(tally: Tally, nowMs: number): Progress {
  let bytesDone = tally.jobBytesSettled;
  let bytesBegun = tally.jobBytesSettled;
  for (const job of tally.active.values()) {
    bytesDone += job.bytesStored;
    bytesBegun += job.size;
  }
  const bytesTotal = Math.max(tally.bytesPlanned, bytesBegun);
  const others = settledCount(tally) - tally.jobsSettled;
  const rate = rateOf(tally, nowMs);
  const remaining = bytesTotal - bytesDone;
  const isKnown = tally.isPlanFinished && rate !== undefined && rate > 0;
  return {
    filesSettled: settledCount(tally),
    filesTotal: Math.max(tally.jobsPlanned, tally.jobsSettled + tally.active.size) + others,
    bytesDone,
    bytesTotal,
    fraction: bytesTotal > 0 ? bytesDone / bytesTotal : 0,
    ...(rate === undefined ? {} : { rate }),
    ...(isKnown ? { remainingMs: (remaining / rate) * 1000 } : {}),
  };
}

function rateOf(tally: Tally, nowMs: number): number | undefined {
  const oldest = tally.samples[0];
  if (!oldest || tally.bytesMoved === 0 || nowMs <= oldest.atMs) return undefined;
  const moved = Math.max(0, tally.bytesMoved - oldest.bytesMoved);
  return (moved / (nowMs - oldest.atMs)) * 1000;
}

function settledCount({ settled }: Tally): number {
  return Object.values(settled).reduce((sum, some) => sum + some, 0);
}

/** The summary of the manifest: one count a record, `bytes` the sum of their sizes. */
export function summarise(tally: Tally): Summary {
  return {
    total: settledCount(tally),
    ...tally.settled,
    bytes: tally.bytes,
    bytesSent: tally.bytesSent,
  };
}
