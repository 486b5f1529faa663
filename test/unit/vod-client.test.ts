import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Session } from '../../src/core/model.js';
import { createClock } from '../../src/net/clock.js';
import { createPacer } from '../../src/net/pacer.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { createRoute } from '../../src/net/route.js';
import { createVod } from '../../src/vod/client.js';

test('an abort is obeyed while keys are asked for', { timeout: 5000 }, async () => {
  const vod = createVod({
    host: 'vod.tencentcloudapi.com',
    region: 'ap-guangzhou',
    // As of a file on a disk that is dead.
    credentials: () => new Promise(() => undefined),
    route: createRoute({ proxies: {} }),
    clock: createClock(),
    pacer: createPacer(50),
    policy: { retries: 0, budget: createRetryBudget(1000, 1000) },
    stallTimeoutMs: 1000,
  });
  const controller = new AbortController();
  const request = { mediaType: 'mp4', mediaName: 'a' };
  const calls = [
    vod.applyUpload(request, () => undefined, controller.signal),
    vod.commitUpload({} as Session, () => undefined, controller.signal),
  ];
  setTimeout(() => controller.abort(new Error('enough')), 20);
  for (const call of calls) await assert.rejects(call, /enough/);
});
