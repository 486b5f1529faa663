import { UploadFailure } from '../core/errors.js';
import type { OnRetry } from '../core/ports.js';
import { isSkewed } from '../net/clock.js';
import { withRetries } from '../net/retry.js';
import { createDomains } from './host.js';
import type { CosOptions } from './options.js';
import { createTroubleDetector } from './trouble.js';

/** One try of a request, or of a question and the request that depends on it. */
export interface Attempt {
  /** Counts from 1. */
  readonly number: number;
  /** Which of the two domains of COS it goes to. */
  readonly domain: string;
  /** How the one before failed. */
  readonly previous?: UploadFailure | undefined;
}

/** Makes attempts, on the other domain where this one stays silent. Throws UploadFailure. */
export type Repeat = <T>(
  onRetry: OnRetry,
  signal: AbortSignal,
  work: (attempt: Attempt) => Promise<T>,
) => Promise<T>;

export function createRepeat(options: CosOptions): Repeat {
  const domains = createDomains();
  const detector = createTroubleDetector();

  return (onRetry, signal, work) =>
    withRetries(
      async (number, previous) => {
        const domain = domains.current;
        const signedWithMs = options.clock.offsetMs;
        try {
          const result = await work({ number, domain, previous });
          domains.answered(domain);
          detector.served();
          return result;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof UploadFailure)) throw error;
          const failure = domains.failed(domain, error);
          const trouble = detector.trouble(failure);
          if (trouble > 0) options.onTrouble?.(trouble, failure.code);
          throw judgedByClock(options, failure, signedWithMs);
        }
      },
      options.policy,
      onRetry,
      signal,
    );
}

/**
 * A request that was signed with a wrong clock is repeated at once with the service's time. One that
 * "has expired" although the clock is right has a certificate that is over.
 */
function judgedByClock(
  { clock }: CosOptions,
  failure: UploadFailure,
  signedWithMs: number,
): UploadFailure {
  const { clockOffsetMs } = failure.facts;
  if (clockOffsetMs === undefined) return failure;
  clock.correct(clockOffsetMs);
  if (isSkewed(clockOffsetMs - signedWithMs)) return failure.with({ repeatAtOnce: true });
  return failure.message.includes('RequestTimeTooSkewed')
    ? failure
    : failure.with({}, { code: 'session-expired' });
}
