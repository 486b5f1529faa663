import type { Outcome } from '../core/model.js';

/** What the outcomes of a run mean for its exit code (README, Exit codes). */
export interface Verdict {
  note(outcome: Outcome): void;
  /** A limit that the user set was reached: no new file begins any more. */
  stopped(): void;
  /** Of the plan of a run that was stopped a part is not known. */
  cutShort(): void;
  /** Of a run that came to its end; interrupts and bugs have codes of their own. */
  exitCode(allowEmpty: boolean): number;
}

/** The exit code of a run that had nothing to upload, which was not allowed. */
export const NOTHING_TO_DO = 4;

const CREDENTIALS = new Set(['bad-credentials', 'permission-denied', 'account-not-ready']);

export function createVerdict(): Verdict {
  let selected = 0;
  let refused = false;
  let unknown = false;
  let failed = false;
  let retryable = false;
  let held = false;
  let interrupted = false;
  let stopped = false;

  return {
    note(outcome) {
      const { status } = outcome;
      if (status === 'skipped') held ||= outcome.reason === 'held-by-other-run';
      if (status === 'skipped' && outcome.reason !== 'already-uploaded') return;
      selected += 1;
      unknown ||= status === 'unknown';
      interrupted ||= status === 'interrupted';
      if (status !== 'failed') return;
      const { code, rule } = outcome.failure;
      refused ||= CREDENTIALS.has(code);
      if (rule.retryable) retryable = true;
      else failed = true;
    },
    stopped: () => void (stopped = true),
    cutShort: () => void (interrupted = true),
    exitCode(allowEmpty) {
      if (refused) return 5;
      if (unknown) return 9;
      // A limit that kept nothing from being uploaded stopped nothing.
      if (stopped && (failed || retryable || interrupted)) return 6;
      if (failed) return 3;
      if (retryable) return 8;
      if (held) return 7;
      return selected === 0 && !allowEmpty ? NOTHING_TO_DO : 0;
    },
  };
}
