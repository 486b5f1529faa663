import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import type { SessionKey } from '../../src/core/ids.js';
import type { KeyedSession } from '../../src/core/model.js';
import { createClock } from '../../src/net/clock.js';
import { createPacer } from '../../src/net/pacer.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { createRoute } from '../../src/net/route.js';
import { createVod } from '../../src/vod/client.js';
import type { VodOptions } from '../../src/vod/options.js';
import { routeTo } from '../helpers/route-to.js';

const never = new AbortController().signal;

function optionsOf(changes: Partial<VodOptions>): VodOptions {
  return {
    host: 'vod.tencentcloudapi.com',
    region: 'ap-guangzhou',
    credentials: async () => ({ secretId: 'id', secretKey: 'key', token: 'TOKEN/of+mine' }),
    route: createRoute({ proxies: {} }),
    clock: createClock(),
    pacer: createPacer(50),
    policy: { retries: 0, budget: createRetryBudget(1000, 1000) },
    stallTimeoutMs: 1000,
    ...changes,
  };
}

/** A VOD that refuses every call for the same reason, and says again what it was told. */
async function refusing(t: TestContext, code: string, changes: Partial<VodOptions> = {}) {
  const server = createServer((request, response) => {
    const { authorization, 'x-tc-token': token } = request.headers;
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const error = { Code: code, Message: `no: ${body} ${authorization} ${token?.toString()}` };
      response.end(JSON.stringify({ Response: { RequestId: 'id', Error: error } }));
    });
  });
  const route = await routeTo(t, server);
  return createVod(optionsOf({ route, ...changes }));
}

test('an abort is obeyed while keys are asked for', { timeout: 5000 }, async () => {
  // As of a file on a disk that is dead.
  const vod = createVod(optionsOf({ credentials: () => new Promise(() => undefined) }));
  const controller = new AbortController();
  const request = { mediaType: 'mp4', mediaName: 'a' };
  const calls = [
    vod.applyUpload(request, () => undefined, controller.signal),
    vod.commitUpload({} as KeyedSession, () => undefined, controller.signal),
  ];
  setTimeout(() => controller.abort(new Error('enough')), 20);
  for (const call of calls) await assert.rejects(call, /enough/);
});

test('what a service repeats of a call is told without its secrets', async (t) => {
  const vod = await refusing(t, 'InvalidParameter');
  const session = { sessionKey: 'SESSION/key==' as SessionKey } as KeyedSession;
  await assert.rejects(
    vod.commitUpload(session, () => undefined, never),
    ({ message }: Error) => {
      assert.match(message, /no: .*\*\*\*/);
      assert.doesNotMatch(message, /SESSION|TOKEN|Signature=[0-9a-f]{8}/);
      return true;
    },
  );
});

test('a service that has too many calls is called less often from then on', async (t) => {
  let slowed = 0;
  const pacer = { ...createPacer(50), slowDown: () => void (slowed += 1) };
  const vod = await refusing(t, 'RequestLimitExceeded', { pacer });
  const call = vod.applyUpload({ mediaType: 'mp4', mediaName: 'a' }, () => undefined, never);
  await assert.rejects(call, { code: 'throttled' });
  assert.equal(slowed, 1);
});
