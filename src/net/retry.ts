import { UploadFailure } from '../core/errors.js';
import type { OnRetry } from '../core/ports.js';
import { askedMs, sleep } from '../core/waits.js';

export interface RetryPolicy {
  /** How often one request may be repeated. */
  readonly retries: number;
  /** Shared by all requests of a run. */
  readonly budget: RetryBudget;
  readonly random?: () => number;
}

/**
 * The patience that all requests of a run share. While others succeed each request has its own
 * retries; once nothing at all has succeeded for too long the service is given up: nothing is
 * repeated and nothing more is asked of it, however many files are left.
 */
export interface RetryBudget {
  /** Why the service is given up; undefined while it is not. */
  exhausted(): UploadFailure | undefined;
  /** The service has served requests and failed none for a while. */
  isCalm(): boolean;
  failed(failure: UploadFailure): void;
  succeeded(): void;
}

/** A slow link may need longer than the patience for one request, so failures are counted as well. */
const LEAST_FAILURES = 5;
/** So long without a failure, and what waits because of an earlier one has waited long enough. */
const CALM_MS = 2000;

/**
 * Counts from the first failure after the last success: a request that takes hours is no trouble. After
 * a gap it counts anew: what failed long ago is over, even where nothing has come to its end since.
 */
export function createRetryBudget(
  patienceMs: number,
  gapMs: number,
  now: () => number = () => performance.now(),
): RetryBudget {
  let failures = 0;
  let since = 0;
  let latestAt = -Infinity;
  /** Until then nothing is asked again that the service wants to have waited. */
  let quietUntil = -Infinity;
  let servedAt = -Infinity;
  let latest: UploadFailure | undefined;
  return {
    exhausted() {
      const isSeries = failures >= LEAST_FAILURES && latestAt - since >= patienceMs;
      return isSeries && now() - quietUntil <= gapMs ? latest : undefined;
    },
    isCalm: () => servedAt > latestAt && now() - latestAt >= CALM_MS,
    failed(failure) {
      if (failure.rule.retry !== 'request') {
        // A refusal is an answer: the service is there. A file that cannot be read tells nothing of it.
        if (failure.facts.requestId !== undefined) failures = 0;
        return;
      }
      const at = now();
      if (at - quietUntil > gapMs) failures = 0;
      if (failures++ === 0) since = at;
      latestAt = at;
      quietUntil = Math.max(quietUntil, at + (askedMs(failure) ?? 0));
      latest = failure;
    },
    succeeded() {
      servedAt = now();
      failures = 0;
    },
  };
}

/** Throws the latest failure of a service that is given up. */
export function assertNotGivenUp(budget: RetryBudget): void {
  const lost = budget.exhausted();
  if (lost === undefined) return;
  const message = `given up, since nothing succeeds: ${lost.message}`;
  throw lost.with({ ambiguous: false }, { message });
}

const BASE_MS = 250;
const CAP_MS = 20_000;
const LOOK_MS = 250;

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
  if (policy.budget.exhausted()) return undefined;
  const random = (policy.random ?? Math.random)();
  const asked = askedMs(failure);
  return asked === undefined ? backoffMs(attempt, random) : asked + random * BASE_MS;
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
  assertNotGivenUp(policy.budget);
  for (let attempt = 1; ;) {
    try {
      const result = await work(attempt, previous);
      policy.budget.succeeded();
      return result;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UploadFailure)) throw error;
      previous = error;
      policy.budget.failed(error);
      if (error.facts.repeatAtOnce === true && repeatedAtOnce++ < 2) continue;
      const waitMs = waitBefore(error, attempt, policy);
      if (waitMs === undefined) throw error;
      const { code, message } = error;
      const told = onRetry({ code, message, attempt, waitMs: Math.round(waitMs) });
      const waiting =
        error.facts.retryAfterMs === undefined
          ? sleepUnlessCalm(waitMs, policy.budget, signal)
          : sleep(waitMs, signal);
      await Promise.all([told, waiting]);
      attempt += 1;
    }
  }
}

/** Who has failed often waits for long, but not longer than the service has trouble. */
async function sleepUnlessCalm(
  ms: number,
  budget: RetryBudget,
  signal: AbortSignal,
): Promise<void> {
  for (let left = ms; left > 0 && !budget.isCalm(); left -= LOOK_MS) {
    await sleep(Math.min(left, LOOK_MS), signal);
  }
}
