import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import type { ClaimKeys } from './keys.js';
import { isLive, parseLease } from './leases.js';
import type { Lease } from './leases.js';
import type { Holder } from './journal.js';
import type { Tables } from './tables.js';
import { readUnfinished } from './unfinished.js';
import type { UnfinishedRecord } from './unfinished.js';

/** Who asks, and when. */
export interface Claimant {
  readonly lease: Lease;
  /** By the clock of this machine. */
  readonly localNow: Date;
}

export type Taken =
  | { readonly kind: 'held' }
  | {
      readonly kind: 'taken';
      /** What is unfinished of this very job. */
      readonly own?: UnfinishedRecord;
      /** Where that is nothing: what is unfinished of an earlier state of the same file; claimed along. */
      readonly earlier?: UnfinishedRecord;
    };

/** Takes the job unless a live run, this one included, has it or the same content. */
export function take(tables: Tables, job: Job, keys: ClaimKeys, claimant: Claimant): Taken {
  if (isHeld(tables, job, keys, claimant)) return { kind: 'held' };
  for (const key of claimedKeys(job, keys)) tables.claims.put(key, claimant.lease.runId);
  const own = readUnfinished(tables, job.id);
  // What is unfinished of another state may be later than this one, and has its own claims.
  if (own !== undefined) return { kind: 'taken', own };
  const earlier = takeEarlier(tables, job, keys.sourceKey, claimant);
  return { kind: 'taken', ...(earlier && { earlier }) };
}

/** Whether a live run, this one included, has the job or the same content. */
export function isHeld(tables: Tables, job: Job, keys: ClaimKeys, claimant: Claimant): boolean {
  return claimedKeys(job, keys).some((key) => holderOf(tables, key, claimant));
}

function claimedKeys({ id }: Job, { contentKey }: ClaimKeys): string[] {
  return contentKey === undefined ? [id] : [id, contentKey];
}

function takeEarlier(
  tables: Tables,
  job: Job,
  sourceKey: string,
  claimant: Claimant,
): UnfinishedRecord | undefined {
  const id = tables.sources.get(sourceKey) as JobId | undefined;
  if (id === undefined || id === job.id || holderOf(tables, id, claimant)) return undefined;
  const earlier = readUnfinished(tables, id);
  if (earlier !== undefined) tables.claims.put(id, claimant.lease.runId);
  return earlier;
}

/** The live run that has the job, or the content. */
export function holderOf(
  tables: Tables,
  key: string,
  { lease, localNow }: Claimant,
): Holder | undefined {
  const runId = tables.claims.get(key);
  if (runId === undefined) return undefined;
  const run = runId === lease.runId ? lease : parseLease(tables.runs.get(runId));
  if (run === undefined) return undefined;
  if (run !== lease && !isLive(run, lease, localNow)) return undefined;
  return { runId, host: run.host, pid: run.pid };
}

/** Gives up a claim if this run has it; another run may have taken it over. */
export function giveUp(tables: Tables, key: string, runId: string): void {
  if (tables.claims.get(key) === runId) tables.claims.remove(key);
}
