import type { Emit } from '../core/events.js';
import type { Job, SourceFile } from '../core/model.js';
import type { Cos, Journal, Source, Vod } from '../core/ports.js';
import type { PartSlots } from './part-slots.js';

/**
 * Resolves when a job may have a session, at once where it is under way: where it has or had one. Rejects
 * with NotAdmitted where it is not to begin any more, or with the signal's reason.
 */
export type Admit = (job: Job, isUnderWay: boolean, signal: AbortSignal) => Promise<void>;

/** All that the pipeline asks of the world. */
export interface Ports {
  readonly vod: Vod;
  readonly cos: Cos;
  readonly journal: Journal;
  readonly sourceOf: (file: SourceFile) => Source;
  readonly slots: PartSlots;
  /** Absent: every job is admitted at once. */
  readonly admit?: Admit;
  readonly emit: Emit;
  /** The service's time, as far as it is known. */
  readonly now: () => Date;
  /** This machine's time, right or wrong, which people compare with their own. */
  readonly localNow: () => Date;
  /** Bytes of a part, unless a file needs more; by the size of the file where it is absent. */
  readonly partSize?: number;
  /** A media whose cover cannot be uploaded goes without it. */
  readonly dropsCovers: boolean;
  /** Only what was begun is finished: a file that has changed is not planned again by the same command. */
  readonly finishes: boolean;
}
