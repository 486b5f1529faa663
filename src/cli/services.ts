import type { Cos, Vod } from '../core/ports.js';
import { createCos } from '../cos/client.js';
import { createClock, type Clock } from '../net/clock.js';
import { createPacer } from '../net/pacer.js';
import { createRetryBudget } from '../net/retry.js';
import { createRoute } from '../net/route.js';
import { createVod } from '../vod/client.js';
import type { ResolvedCredentials } from './credentials.js';
import type { UploadFlags } from './upload-options.js';
import type { ServiceSettings } from './upload-settings.js';
import type { World } from './world.js';

/** Both services, wired to the network, and the time as they see it. */
export interface Services {
  readonly vod: Vod;
  readonly cos: Cos;
  readonly clock: Clock;
  close(): void;
}

/** Retries that a run may spend without any success in between. */
const RETRY_BUDGET = 100;

export function connectServices(
  settings: ServiceSettings,
  credentials: ResolvedCredentials,
  flags: UploadFlags,
  world: World,
): Services {
  const clock = createClock();
  const policy = { retries: flags.retries, budget: createRetryBudget(RETRY_BUDGET) };
  const routeTo = (endpoint: URL | undefined) =>
    createRoute({ proxies: world.env, ...(endpoint ? { endpoint } : {}) });
  const vodRoute = routeTo(settings.vodEndpoint);
  const cosRoute = routeTo(settings.cosEndpoint);
  const common = { clock, policy, stallTimeoutMs: flags.stallTimeout };
  return {
    clock,
    vod: createVod({
      ...common,
      host: settings.vodHost,
      region: settings.region,
      credentials: credentials.current,
      route: vodRoute,
      pacer: createPacer(flags.apiRate),
    }),
    cos: createCos({ ...common, route: cosRoute, verification: flags.verify }),
    close() {
      vodRoute.close();
      cosRoute.close();
    },
  };
}
