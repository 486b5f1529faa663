import type { Effort, Job } from '../core/model.js';
import type { Stage } from '../core/errors.js';
import type { Emit } from '../core/events.js';
import type { OnRetry } from '../core/ports.js';
import { jobSize } from '../core/size.js';

/** What one run does for one job, counted. The cover is not counted: sizes are those of media. */
export interface JobProgress {
  /** As its session was begun. */
  job: Job;
  /** Whether this run has tried before. */
  readonly isSecond: boolean;
  /** Bytes that the service acknowledged in this run, and bytes that it held from before. */
  sent(bytes: number): void;
  resumed(bytes: number): void;
  /** The media's bytes start over. */
  restart(): void;
  /** Bytes of media and segments that are still to be stored. */
  remaining(): number;
  onRetry(stage: Stage): OnRetry;
  effort(): Effort;
}

/** `before`: what an earlier try of this run has cost, where there was one. */
export function createJobProgress(
  job: Job,
  emit: Emit,
  now: () => Date,
  before: Effort | undefined,
): JobProgress {
  const startedAt = before?.startedAt ?? now();
  const size = jobSize(job);
  const { id, media } = job;
  const path = media.path;
  let attempts = (before?.attempts ?? 0) + 1;
  let bytesSent = before?.bytesSent ?? 0;
  let bytesResumed = 0;
  let stored = 0;

  function grow(bytes: number): void {
    stored += bytes;
    emit({ type: 'job-progress', id, path, bytesStored: stored, size });
  }

  emit({ type: 'job-started', id, path, size });
  grow(0);
  return {
    job,
    isSecond: before !== undefined,
    sent(bytes) {
      bytesSent += bytes;
      grow(bytes);
    },
    resumed(bytes) {
      bytesResumed += bytes;
      grow(bytes);
    },
    restart() {
      attempts += 1;
      stored = 0;
      bytesResumed = 0;
      grow(0);
    },
    remaining: () => size - stored,
    onRetry: (stage) => (retry) => emit({ type: 'job-retried', id, path, stage, ...retry }),
    effort: () => ({
      bytesSent,
      // What an earlier try stored was sent in this run.
      bytesResumed: Math.max(0, bytesResumed - (before?.bytesSent ?? 0)),
      attempts,
      startedAt,
      finishedAt: now(),
    }),
  };
}
