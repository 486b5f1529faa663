import type { UploadEvent } from '../core/events.js';
import type { JobId } from '../core/ids.js';
import type { Outcome, Status, Summary } from '../core/model.js';
import { jobSize } from '../core/size.js';

/** A file in flight. */
export interface ActiveJob {
  readonly path: string;
  readonly size: number;
  readonly bytesStored: number;
}

/** How many bytes had moved in this run, and when. */
interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** All that is known of a run from its events. Grows with the files that are begun, not with the settled. */
export interface Tally {
  readonly jobsPlanned: number;
  /** Without those of interrupted jobs, which this run will not send. */
  readonly bytesPlanned: number;
  readonly isPlanFinished: boolean;
  readonly active: Map<JobId, ActiveJob>;
  /** Files that wait for their second try; what is stored of them still counts. */
  readonly postponed: Map<JobId, ActiveJob>;
  readonly settled: Readonly<Record<Status, number>>;
  /** Settled inputs that were jobs; the others never were part of the totals. */
  readonly jobsSettled: number;
  readonly jobBytesSettled: number;
  readonly bytes: number;
  readonly bytesSent: number;
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
  /** Bytes a second on the wire; undefined until some moved. */
  readonly rate?: number;
  /** Undefined while the totals still grow. */
  readonly remainingMs?: number;
}

/** The rate is that of the last so many samples. */
const SAMPLES = 32;

/** The tally of a run that has not begun. */
export function emptyTally(): Tally {
  return {
    jobsPlanned: 0,
    bytesPlanned: 0,
    isPlanFinished: false,
    active: new Map(),
    postponed: new Map(),
    settled: { uploaded: 0, skipped: 0, failed: 0, interrupted: 0, unknown: 0 },
    jobsSettled: 0,
    jobBytesSettled: 0,
    bytes: 0,
    bytesSent: 0,
    samples: [],
  };
}

/**
 * The tally after one more event. The maps of files go on from the tally before it, which is over: a
 * copy for each event would cost more than all else.
 */
export function advance(tally: Tally, event: UploadEvent): Tally {
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
      return track(tally, event.id, { path: event.path, size: event.size, bytesStored: 0 });
    case 'job-progress': {
      const { path, size, bytesStored } = event;
      return track(tally, event.id, { path, size, bytesStored: Math.min(bytesStored, size) });
    }
    case 'job-postponed':
      return postpone(tally, event.id);
    case 'bytes-moved': {
      const { atMs, bytes } = event;
      return { ...tally, samples: [...tally.samples.slice(1 - SAMPLES), { atMs, bytes }] };
    }
    case 'job-settled':
      return settle(tally, event.outcome);
    default:
      return tally;
  }
}

function track(tally: Tally, id: JobId, job: ActiveJob): Tally {
  tally.postponed.delete(id);
  tally.active.set(id, job);
  return tally;
}

function postpone(tally: Tally, id: JobId): Tally {
  const job = tally.active.get(id);
  if (job) tally.postponed.set(id, job);
  tally.active.delete(id);
  return tally;
}

function settle(tally: Tally, outcome: Outcome): Tally {
  const { job, status } = outcome;
  const before = job && forget(tally, job.id);
  const bytesSent = 'effort' in outcome ? (outcome.effort?.bytesSent ?? 0) : 0;
  const size = before?.size ?? (job ? jobSize(job) : 0);
  const isLeft = status === 'interrupted';
  return {
    ...tally,
    bytesPlanned: Math.max(0, tally.bytesPlanned - (isLeft ? size : 0)),
    settled: { ...tally.settled, [status]: tally.settled[status] + 1 },
    jobsSettled: tally.jobsSettled + (job ? 1 : 0),
    jobBytesSettled: tally.jobBytesSettled + (isLeft ? 0 : size),
    bytes: tally.bytes + (sourceSize(outcome) ?? 0),
    bytesSent: tally.bytesSent + bytesSent,
  };
}

function forget({ active, postponed }: Tally, id: JobId): ActiveJob | undefined {
  const job = active.get(id) ?? postponed.get(id);
  active.delete(id);
  postponed.delete(id);
  return job;
}

function sourceSize(outcome: Outcome): number | undefined {
  if (outcome.job) return outcome.job.media.size;
  return outcome.status === 'skipped' ? outcome.size : undefined;
}

/** What the tally means at this moment. Percentages never exceed 100, rates never fall below 0. */
export function progressOf(tally: Tally): Progress {
  let bytesDone = tally.jobBytesSettled;
  let bytesBegun = tally.jobBytesSettled;
  const begun = [...tally.active.values(), ...tally.postponed.values()];
  for (const job of begun) {
    bytesDone += job.bytesStored;
    bytesBegun += job.size;
  }
  const bytesTotal = Math.max(tally.bytesPlanned, bytesBegun);
  const others = settledCount(tally) - tally.jobsSettled;
  const rate = rateOf(tally);
  const remaining = bytesTotal - bytesDone;
  const isKnown = tally.isPlanFinished && rate !== undefined && rate > 0;
  return {
    filesSettled: settledCount(tally),
    filesTotal: Math.max(tally.jobsPlanned, tally.jobsSettled + begun.length) + others,
    bytesDone,
    bytesTotal,
    fraction: bytesTotal > 0 ? bytesDone / bytesTotal : 0,
    ...(rate === undefined ? {} : { rate }),
    ...(isKnown ? { remainingMs: (remaining / rate) * 1000 } : {}),
  };
}

/** Acknowledged parts alone would tell nothing for as long as the first ones take. */
function rateOf({ samples }: Tally): number | undefined {
  const [oldest, latest] = [samples[0], samples.at(-1)];
  if (!oldest || !latest || latest.atMs <= oldest.atMs || latest.bytes === 0) return undefined;
  return (Math.max(0, latest.bytes - oldest.bytes) / (latest.atMs - oldest.atMs)) * 1000;
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
