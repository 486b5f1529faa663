import type { JobId } from '../core/ids.js';
import type { Checkpoint, Job, Session } from '../core/model.js';
import type { Claim, Journal } from '../core/ports.js';
import type { Swept } from './sweep.js';

export interface JournalOptions {
  readonly dir: string;
  /** Unique among all runs, ever, and a file name. */
  readonly runId: string;
  readonly pid: number;
  readonly host: string;
  /** The service's time, as far as this run knows it. */
  readonly now: () => Date;
  /** By how much that is later than the local clock, in milliseconds; 0 while nothing is known. */
  readonly clockOffsetMs: () => number;
  /** False: unfinished sessions are superseded, not continued, unless their commit may have happened. */
  readonly resume: boolean;
  /** True: the ledger is not consulted; unfinished jobs are continued all the same. */
  readonly force: boolean;
  /** True: the ledger is not consulted for a job that is unfinished, either. --force began such a job. */
  readonly finishes: boolean;
}

/** The run that works on a job. */
export interface Holder {
  readonly runId: string;
  readonly host: string;
  readonly pid: number;
}

/** One unfinished job, without its secrets. */
export interface UnfinishedJob {
  readonly job: Job;
  readonly phase: Checkpoint['phase'];
  readonly session: Omit<Session, 'sessionKey' | 'credentials'>;
  readonly objects: Checkpoint['objects'];
  readonly updatedAt: Date;
  /** Whether a run, which has the account's key, could still finish it. */
  readonly resumable: boolean;
  /** The run that is at it now. */
  readonly holder?: Holder;
}

/** The journal with all that commands ask of it; the pipeline knows `Journal`. */
export interface OpenJournal extends Journal {
  /** Takes an unfinished job by its id, to finish or abort it; undefined where there is none. */
  claimUnfinished(id: JobId): Promise<Claim | undefined>;
  /** All that can be read; then throws `journal-unreadable` where some cannot, unless that is `left` alone. */
  list(damaged?: 'told' | 'left'): AsyncIterable<UnfinishedJob>;
  /** Drops everything that has expired, and leaves alone what is damaged. */
  gc(): Promise<Swept>;
  /** Gives up every claim of this run. Nothing may be called after it. */
  close(): Promise<void>;
}
