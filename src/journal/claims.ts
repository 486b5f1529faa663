import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import type { ClaimKeys } from './keys.js';
import { formatLease, isLive, parseLease } from './leases.js';
import type { Lease } from './leases.js';
import { unlessDamaged } from './fields.js';
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
  const claimed = claimedKeys(job, keys);
  if (isHeld(tables, claimed, claimant)) return { kind: 'held' };
  const own = readUnfinished(tables, job.id);
  // What is unfinished of another state may be later than this one, and has its own claims.
  const earlier =
    own === undefined ? readEarlier(tables, job, keys.sourceKey, claimant) : undefined;
  if (earlier !== undefined) claimed.push(earlier.job.id);
  for (const key of claimed) tables.claims.put(key, claimant.lease.runId);
  return { kind: 'taken', ...(own && { own }), ...(earlier && { earlier }) };
}

/** What a run claims with the job. */
export function claimedKeys({ id }: Job, { contentKey }: ClaimKeys): string[] {
  return contentKey === undefined ? [id] : [id, contentKey];
}

/** Whether a live run, this one included, has any of it. */
export function isHeld(tables: Tables, claimed: readonly string[], claimant: Claimant): boolean {
  return claimed.some((key) => holderOf(tables, key, claimant));
}

function readEarlier(
  tables: Tables,
  job: Job,
  sourceKey: string,
  claimant: Claimant,
): UnfinishedRecord | undefined {
  const id = tables.sources.get(sourceKey) as JobId | undefined;
  if (id === undefined || id === job.id || holderOf(tables, id, claimant)) return undefined;
  // What nobody can read keeps no file from being uploaded as it is now.
  return unlessDamaged(() => readUnfinished(tables, id), undefined);
}

/** The live run that has the job, or the content. */
export function holderOf(
  tables: Tables,
  key: string,
  { lease, localNow }: Claimant,
): Holder | undefined {
  const runId = tables.claims.get(key);
  if (runId === undefined) return undefined;
  const run = runId === lease.runId ? lease : leaseIn(tables, runId, localNow);
  if (run === undefined) return undefined;
  if (run !== lease && !isLive(run, lease, localNow)) return undefined;
  return { runId, host: run.host, pid: run.pid };
}

/**
 * The lease of a run. One that is damaged is written anew, as if it had just been renewed: its run does
 * that itself before long, or is gone, and then the lease goes stale.
 */
export function leaseIn(tables: Tables, runId: string, localNow: Date): Lease | undefined {
  const text = tables.runs.get(runId);
  if (text === undefined) return undefined;
  const lease = parseLease(text);
  if (lease !== undefined) return lease;
  const renewed = { runId, host: 'unknown', pid: 0, renewedAt: localNow };
  tables.runs.put(runId, formatLease(renewed));
  return renewed;
}

/** Gives up a claim if this run has it; another run may have taken it over. */
export function giveUp(tables: Tables, key: string, runId: string): void {
  if (tables.claims.get(key) === runId) tables.claims.remove(key);
}
