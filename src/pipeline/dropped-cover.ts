import type { FailureCode, UploadFailure } from '../core/errors.js';
import type { Checkpoint, Job } from '../core/model.js';
import type { Claim } from '../core/ports.js';
import type { JobProgress } from './job-progress.js';
import type { Ports } from './ports.js';

/** A network, a busy service or a machine in trouble, and a session that is over, say nothing about the cover. */
const NOT_ABOUT_COVER: ReadonlySet<FailureCode> = new Set([
  'network',
  'not-the-service',
  'session-expired',
  'stalled',
  'throttled',
  'too-many-open-files',
]);

/**
 * Whether a failure is a reason to go without the cover. A service that fails may do so for a moment: that
 * counts at the second try.
 */
export function isAboutCover(
  { code, facts, rule }: UploadFailure,
  { isSecond }: JobProgress,
): boolean {
  if (facts.stage !== 'upload-cover' || rule.halts === 'run') return false;
  return code === 'service-unavailable' ? isSecond : !NOT_ABOUT_COVER.has(code);
}

/** Whether an earlier run dropped the cover that the job has, and still has. */
export function isCoverDropped(planned: Job, begun: Job, { session }: Checkpoint): boolean {
  return Boolean(planned.cover && begun.cover && session.coverKey === undefined);
}

/**
 * Only who drops covers as well, or finishes what was begun, goes on without one that an earlier run dropped,
 * unless the media may exist.
 */
export function withItsCover(planned: Job, claim: Claim, { dropsCovers, finishes }: Ports): Claim {
  if (claim.kind !== 'ours' || !claim.checkpoint || dropsCovers || finishes) return claim;
  const { begun: job = planned, checkpoint, changedOptions } = claim;
  if (!isCoverDropped(planned, job, checkpoint)) return claim;
  if (checkpoint.phase === 'committing') {
    return { ...claim, changedOptions: [...changedOptions, 'cover'].sort() };
  }
  const superseded = { job, checkpoint, reason: 'without-cover' } as const;
  return { kind: 'ours', changedOptions: [], superseded };
}

/** The job as its session was begun; one that was begun without a cover has no place for one. */
export function begunJob(
  planned: Job,
  { begun = planned, checkpoint }: Pick<Extract<Claim, { kind: 'ours' }>, 'begun' | 'checkpoint'>,
): Job {
  return checkpoint && checkpoint.session.coverKey === undefined ? withoutCover(begun) : begun;
}

/** The job, and what is asked for it, without the cover. */
export function withoutCover({
  cover: _cover,
  request: { coverType: _coverType, ...request },
  ...job
}: Job): Job {
  return { ...job, request };
}
