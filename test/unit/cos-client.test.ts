import assert from 'node:assert/strict';
import http from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { Cos } from '../../src/core/ports.js';
import { createCos } from '../../src/cos/client.js';
import { createClock } from '../../src/net/clock.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { routeTo } from '../helpers/route-to.js';

const TARGET = { bucket: 'vod-1', region: 'ap-guangzhou', key: 'a.mp4' };
const SIGNAL = new AbortController().signal;
const LIST = '<ListMultipartUploadsResult/>';
const BEGUN =
  '<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>';

async function cosAt(t: TestContext, server: http.Server): Promise<Cos> {
  return createCos({
    credentials: async () => ({ secretId: 'id', secretKey: 'key' }),
    route: await routeTo(t, server),
    clock: createClock(),
    policy: { retries: 3, budget: createRetryBudget(1000, 1000), random: () => 0 },
    stallTimeoutMs: 2000,
    verification: 'crc64',
  });
}

for (const [how, end] of [
  ['closed', (socket: Socket) => socket.end()],
  ['reset', (socket: Socket) => socket.resetAndDestroy()],
] as const) {
  test(`an upload is begun where each connection is ${how} as soon as it is used again`, async (t) => {
    const used = new Set<Socket>();
    const server = http.createServer(({ method, socket }, response) => {
      if (used.has(socket)) {
        end(socket);
        return;
      }
      used.add(socket);
      response.setHeader('x-cos-request-id', 'id').end(method === 'GET' ? LIST : BEGUN);
    });
    const { initiate } = await cosAt(t, server);
    for (let count = 0; count < 2; count++) {
      assert.equal(await initiate(TARGET, false, () => undefined, SIGNAL), 'id');
    }
  });
}
