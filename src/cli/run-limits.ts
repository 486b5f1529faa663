import type { Outcome } from '../core/model.js';
import { formatDuration } from '../core/duration.js';
import type { UploadFlags } from './upload-options.js';

/** What ends a run before its plan does: --fail-fast, --max-errors and --max-duration. */
export interface RunLimits {
  /** Aborts once a limit is reached: no new file begins, what is under way goes on. */
  readonly stop: AbortSignal;
  /** Counts the outcome against the limits. */
  note(outcome: Outcome): void;
  close(): void;
}

/** `onReached` is told in one sentence which limit it was, once. */
export function createRunLimits(
  flags: Pick<UploadFlags, 'failFast' | 'maxErrors' | 'maxDuration'>,
  onReached: (why: string) => void,
): RunLimits {
  const { failFast, maxErrors = Infinity, maxDuration } = flags;
  const stop = new AbortController();
  let errors = 0;

  function reach(why: string): void {
    if (stop.signal.aborted) return;
    stop.abort(new Error(why));
    onReached(`${why}: no new file begins, those under way go on to their end`);
  }

  const timer =
    maxDuration === undefined
      ? undefined
      : setTimeout(
          () => reach(`--max-duration: ${formatDuration(maxDuration)} are over`),
          maxDuration,
        );
  return {
    stop: stop.signal,
    note({ status }) {
      if (status !== 'failed' && status !== 'unknown') return;
      errors += 1;
      if (failFast) reach('--fail-fast: a file failed');
      else if (errors >= maxErrors)
        reach(`--max-errors: ${errors} ${errors === 1 ? 'file' : 'files'} failed`);
    },
    close: () => clearTimeout(timer),
  };
}

/** Whether every failure counts at once, so that none may wait for a second try. */
export function countsErrors({
  failFast,
  maxErrors,
}: Pick<UploadFlags, 'failFast' | 'maxErrors'>): boolean {
  return failFast || maxErrors !== undefined;
}
