import type { FailureCode } from '../core/errors.js';
import type { TemporaryCredentials } from '../core/model.js';
import type { Clock } from '../net/clock.js';
import type { RetryPolicy } from '../net/retry.js';
import type { Route } from '../net/route.js';
import type { Verification } from './digest.js';

export interface CosOptions {
  /** The account's own, for sessions that were granted none. */
  readonly credentials: () => Promise<TemporaryCredentials>;
  readonly route: Route;
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  readonly stallTimeoutMs: number;
  readonly verification: Verification;
  /** Hears of SlowDown, of silence and of a lack of descriptors, so that the number of connections can follow. */
  readonly onTrouble?: (refused: number, code: FailureCode) => void;
}
