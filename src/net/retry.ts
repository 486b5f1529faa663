import { UploadFailure } from '../core/errors.js';
import type { OnRetry } from '../core/ports.js';

export interface RetryPolicy {
  /** How often one request may be repeated. */
  readonly retries: number;
  /** Shared by all requests of a run. */
  readonly budget: RetryBudget;
  readonly random?: () => number;
}

/**
 * Retries that the whole run may spend: a success earns one back, so that a service that answers
 * mostly well is never given up, and one that answers nothing is given up soon.
 */
export interface RetryBudget {
  spend(): boolean;
  earn(): void;
}

export function createRetryBudget(capacity: number): RetryBudget {
  let left = capacity;
  return {
    spend: () => left > 0 && left-- > 0,
    earn() {
      left = Math.min(capacity, left + 1);
    },
  };
}

const BASE_MS = 250;
const CAP_MS = 20_000;

/** Full jitter: anything between nothing and a ceiling that doubles from 0.25 s to 20 s. */
export function backoffMs(attempt: number, random: number): number {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
}

/** What a failed attempt asks for: how long to wait before the next, or undefined for none. */
export function waitBefore(
  failure: UploadFailure,
  attempt: number,
  policy: RetryPolicy,
): number | undefined {
  if (failure.rule.retry !== 'request' || attempt > policy.retries) return undefined;
  if (!policy.budget.spend()) return undefined;
  if (failure.facts.retryAfterMs !== undefined) {
    return (
      Math.min(failure.facts.retryAfterMs, CAP_MS) + (policy.random ?? Math.random)() * BASE_MS
    );
  }
  return backoffMs(attempt, (policy.random ?? Math.random)());
}

/**
 * Makes an attempt until one succeeds, its failure forbids another, or the policy is exhausted.
 * `attempt` counts from 1.
 */
export async function withRetries<T>(
  work: (attempt: number, previous: UploadFailure | undefined) => Promise<T>,
  policy: RetryPolicy,
  onRetry: OnRetry,
  signal: AbortSignal,
): Promise<T> {
  let previous: UploadFailure | undefined;
  let repeatedAtOnce = 0;
  for (let attempt = 1; ;) {
    try {
      const result = await work(attempt, previous);
      policy.budget.earn();
      return result;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UploadFailure)) throw error;
      previous = error;
      if (error.facts.repeatAtOnce === true && repeatedAtOnce++ < 2) continue;
      const waitMs = waitBefore(error, attempt, policy);
      if (waitMs === undefined) throw error;
      onRetry({
        code: error.facts.serviceCode ?? error.code,
        message: error.message,
        attempt,
        waitMs,
      });
      await sleep(waitMs, signal);
      attempt += 1;
    }
  }
}

/** Waits, or rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
