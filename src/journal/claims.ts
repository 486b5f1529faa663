import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import { isLive, parseLease } from './leases.js';
import type { Lease } from './leases.js';
import type { Holder } from './open-journal.js';
import { sourceKeyOf } from './records.js';
import type { Tables } from './store.js';
import { readUnfinished } from './unfinished.js';
import type { UnfinishedRecord } from './unfinished.js';

/** Who asks, and when. */
export interface Claimant {
  readonly lease: Lease;
  readonly now: Date;
}

export type Taken =
  | { readonly kind: 'held'; readonly holder: Holder }
  | {
      readonly kind: 'taken';
      /** What is unfinished of this very job. */
      readonly own?: UnfinishedRecord;
      /** What is unfinished of an earlier state of the same file; claimed along. */
      readonly earlier?: UnfinishedRecord;
    };

/** Takes the job unless a live run, this one included, has it. */
export function take(tables: Tables, job: Job, claimant: Claimant): Taken {
  const holder = holderOf(tables, job.id, claimant);
  if (holder !== undefined) return { kind: 'held', holder };
  const { runId } = claimant.lease;
  tables.claims.put(job.id, runId);
  const own = readUnfinished(tables, job.id);
  const earlier = takeEarlier(tables, job, claimant);
  return {
    kind: 'taken',
    ...(own === undefined ? {} : { own }),
    ...(earlier === undefined ? {} : { earlier }),
  };
}

function takeEarlier(tables: Tables, job: Job, claimant: Claimant): UnfinishedRecord | undefined {
  const id = tables.sources.get(sourceKeyOf(job)) as JobId | undefined;
  if (id === undefined || id === job.id || holderOf(tables, id, claimant)) return undefined;
  const earlier = readUnfinished(tables, id);
  if (earlier !== undefined) tables.claims.put(id, claimant.lease.runId);
  return earlier;
}

/** The live run that has the job. */
export function holderOf(tables: Tables, id: JobId, { lease, now }: Claimant): Holder | undefined {
  const runId = tables.claims.get(id);
  if (runId === undefined) return undefined;
  const run = runId === lease.runId ? lease : parseLease(tables.runs.get(runId));
  if (run === undefined) return undefined;
  if (run !== lease && !isLive(run, lease, now)) return undefined;
  return { runId, host: run.host, pid: run.pid };
}

/** Gives up a claim if this run has it; another run may have taken it over. */
export function giveUp(tables: Tables, id: JobId, runId: string): void {
  if (tables.claims.get(id) === runId) tables.claims.remove(id);
}
