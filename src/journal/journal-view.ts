import type { Checkpoint, Job, Receipt } from '../core/model.js';
import { claimedKeys, isHeld, type Claimant } from './claims.js';
import type { JournalOptions } from './journal.js';
import { claimKeysOf } from './keys.js';
import { leaseOf } from './leases.js';
import { find } from './ledger.js';
import { loadSecrets } from './secrets.js';
import type { SessionFiles } from './session-files.js';
import type { Tables } from './tables.js';
import { begunAs, mayContinue, readUnfinished } from './unfinished.js';

export type ViewOptions = Pick<JournalOptions, 'dir' | 'pid' | 'host' | 'now' | 'resume' | 'force'>;

/** What becomes of a job that a run claims now. */
export type Prospect =
  | { readonly kind: 'uploaded'; readonly receipt: Receipt }
  | { readonly kind: 'held' }
  /** An unfinished upload of it is gone on with, which was begun as `begun`. */
  | { readonly kind: 'resumed'; readonly checkpoint: Checkpoint; readonly begun: Job }
  | { readonly kind: 'new' };

/** The journal, for looking only. */
export interface JournalView {
  /** Throws `journal-unreadable` where what is known of the job is damaged. */
  foresee(job: Job): Promise<Prospect>;
  close(): Promise<void>;
}

/** Decides as `claim` does, and claims nothing. */
export function foreseeIn(
  tables: Tables,
  files: SessionFiles,
  { pid, host, now, resume, force }: ViewOptions,
): JournalView['foresee'] {
  const lease = leaseOf({ runId: '', host, pid }, now());
  return async (job) => {
    const entry = force ? undefined : find(tables, job);
    if (entry !== undefined) return { kind: 'uploaded', receipt: entry.record.receipt };
    const asking: Claimant = { lease, localNow: now() };
    if (isHeld(tables, claimedKeys(job, claimKeysOf(job)), asking)) return { kind: 'held' };
    const own = readUnfinished(tables, job.id);
    if (own === undefined || !mayContinue(own, job, resume)) return { kind: 'new' };
    const { isOver } = await loadSecrets(own, files, { now: now(), offsetMs: 0 });
    if (isOver) return { kind: 'new' };
    return { kind: 'resumed', checkpoint: own.checkpoint, begun: begunAs(own, job) };
  };
}
