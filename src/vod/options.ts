import type { TemporaryCredentials } from '../core/model.js';
import type { Clock } from '../net/clock.js';
import type { Pacer } from '../net/pacer.js';
import type { RetryPolicy } from '../net/retry.js';
import type { Route } from '../net/route.js';

export interface VodOptions {
  /** The API's own name, which is signed; `route` says where to connect. */
  readonly host: string;
  readonly region: string;
  /** Asked before every call, since temporary ones change. */
  readonly credentials: () => Promise<TemporaryCredentials>;
  readonly route: Route;
  readonly clock: Clock;
  readonly pacer: Pacer;
  readonly policy: RetryPolicy;
  readonly stallTimeoutMs: number;
  /** How long to wait, each time, for a media that was committed a moment ago to be shown. */
  readonly findPausesMs?: readonly number[];
}
