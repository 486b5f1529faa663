import type { Cos, Vod } from '../core/ports.js';
import { createCos } from '../cos/client.js';
import { createClock, type Clock } from '../net/clock.js';
import { createPacer } from '../net/pacer.js';
import { assertNotGivenUp, createRetryBudget, type RetryPolicy } from '../net/retry.js';
import { createThrottle } from '../net/throttle.js';
import { createRoute } from '../net/route.js';
import type { Traffic } from '../pipeline/steer.js';
import { createVod } from '../vod/client.js';
import type { ResolvedCredentials } from './credentials.js';
import type { RunFacts } from './explain-run.js';
import type { UploadFlags } from './upload-options.js';
import type { ServiceSettings } from './upload-settings.js';

/** Both services, wired to the network, and the time as they see it. */
export interface Services extends Traffic {
  readonly vod: Vod;
  readonly cos: Cos;
  readonly clock: Clock;
  /** Names who is told when the service asks to slow down or falls silent, or there are no descriptors left. */
  onTrouble(listener: (refused: number) => void): void;
  /** What held requests back besides the link. */
  pressure(): Pick<RunFacts, 'answering' | 'apiWaitedMs' | 'heldMs' | 'troubles'>;
  close(): void;
}

/** Once nothing at all has succeeded at a service for so long, in milliseconds, it is given up. */
const PATIENCE_MS = 100_000;
/** Beyond the time after which a request that stalls is repeated, failures so far apart are no series. */
const GAP_MS = 30_000;

export function connectServices(
  settings: ServiceSettings,
  credentials: ResolvedCredentials,
  flags: UploadFlags,
): Services {
  const clock = createClock();
  const { retries, stallTimeout: stallTimeoutMs, limitRate } = flags;
  const policy = (): RetryPolicy => {
    return { retries, budget: createRetryBudget(PATIENCE_MS, stallTimeoutMs + GAP_MS) };
  };
  const cosPolicy = policy();
  const { vodHost: host, region, vodEndpoint, cosEndpoint, proxies } = settings;
  const throttle = limitRate && createThrottle(() => limitRate.rateAt(new Date()));
  const vodRoute = createRoute({ proxies, endpoint: vodEndpoint });
  const cosRoute = createRoute({ proxies, endpoint: cosEndpoint, throttle });
  const pacer = createPacer(flags.apiRate);
  let troubles = 0;
  let tellTrouble: (refused: number) => void = () => undefined;
  const common = { clock, stallTimeoutMs, credentials: credentials.current };
  const vod = createVod({ ...common, policy: policy(), host, region, route: vodRoute, pacer });
  return {
    clock,
    vod: {
      ...vod,
      async applyUpload(request, onRetry, signal) {
        // Nothing is begun whose bytes nobody takes.
        assertNotGivenUp(cosPolicy.budget);
        return vod.applyUpload(request, onRetry, signal);
      },
    },
    cos: createCos({
      ...common,
      policy: cosPolicy,
      route: cosRoute,
      verification: flags.verify,
      onTrouble(refused, code) {
        // That is this process's own trouble.
        if (code !== 'too-many-open-files') troubles += 1;
        tellTrouble(refused);
      },
    }),
    acknowledgedBytes: () => cosRoute.meter.acknowledged(),
    unanswered: () => cosRoute.meter.unanswered(),
    heldBack: () => throttle?.waiting ?? 0,
    onTrouble: (listener) => void (tellTrouble = listener),
    pressure: () => ({
      answering: cosRoute.meter.answering,
      apiWaitedMs: pacer.waitedMs,
      heldMs: throttle?.heldMs ?? 0,
      troubles,
    }),
    close() {
      vodRoute.close();
      cosRoute.close();
    },
  };
}
