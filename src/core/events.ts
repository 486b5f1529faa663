import type { JobId } from './ids.js';
import type { Outcome, Summary } from './model.js';
import type { Stage } from './errors.js';

/**
 * Everything the run says while it works: plain data, emitted synchronously, never awaited.
 * Numbers are absolute, so that a part that is sent again winds a bar back by itself.
 */
export type UploadEvent =
  | { readonly type: 'run-started'; readonly runId: string; readonly startedAt: Date }
  /** The plan found another job; totals grow by it. */
  | { readonly type: 'job-planned'; readonly size: number }
  /** No more jobs will be planned: totals are final. */
  | { readonly type: 'plan-finished' }
  | {
      readonly type: 'job-started';
      readonly id: JobId;
      readonly path: string;
      readonly size: number;
    }
  /** `bytesStored`: media bytes that the service has acknowledged. */
  | {
      readonly type: 'job-progress';
      readonly id: JobId;
      readonly path: string;
      readonly bytesStored: number;
      readonly size: number;
    }
  /** It failed, and waits for its second try at the end of the run. */
  | { readonly type: 'job-postponed'; readonly id: JobId }
  /** Bytes that the other side has acknowledged since the start, over all connections, whatever became of them. */
  | { readonly type: 'bytes-moved'; readonly bytes: number; readonly atMs: number }
  | {
      readonly type: 'job-retried';
      readonly id: JobId;
      readonly path: string;
      readonly stage: Stage;
      readonly code: string;
      readonly message: string;
      readonly attempt: number;
      readonly waitMs: number;
    }
  | { readonly type: 'job-settled'; readonly outcome: Outcome }
  /** Something that people should know and programs need not. */
  | { readonly type: 'warning'; readonly message: string }
  /** Explains a decision; shown with -v. */
  | { readonly type: 'note'; readonly message: string }
  | {
      readonly type: 'run-finished';
      readonly summary: Summary;
      readonly exitCode: number;
      readonly durationMs: number;
    };

export type Emit = (event: UploadEvent) => void;
