import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { UploadId } from '../../src/core/ids.js';
import type { ObjectTarget } from '../../src/core/ports.js';
import {
  createMultipartRequests,
  type MultipartRequests,
} from '../../src/cos/multipart-requests.js';
import { createClock } from '../../src/net/clock.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { createRoute } from '../../src/net/route.js';

const ID = 'id' as UploadId;
const TARGET: ObjectTarget = {
  bucket: 'vod-1',
  region: 'ap-guangzhou',
  key: 'a.mp4',
};

type Ask = (
  requests: MultipartRequests,
  target: ObjectTarget,
  domain: string,
  signal: AbortSignal,
) => Promise<unknown>;

/** What becomes of a request that is answered with this document. */
async function answered(document: string, ask: Ask): Promise<unknown> {
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { 'x-cos-request-id': 'id' }).end(document);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const route = createRoute({ endpoint: new URL(`http://127.0.0.1:${port}`), proxies: {} });
  const requests = createMultipartRequests({
    credentials: async () => ({ secretId: 'id', secretKey: 'key' }),
    route,
    clock: createClock(),
    policy: { retries: 0, budget: createRetryBudget(1000, 1000) },
    stallTimeoutMs: 2000,
    verification: 'crc64',
  });
  try {
    return await ask(requests, TARGET, 'myqcloud.com', new AbortController().signal);
  } finally {
    route.close();
    server.close();
  }
}

const OPERATIONS: readonly (readonly [operation: string, ask: Ask])[] = [
  ['InitiateMultipartUpload', (requests, ...rest) => requests.initiate(...rest)],
  ['ListMultipartUploads', (requests, ...rest) => requests.findUploads(...rest)],
  ['ListParts', (requests, target, ...rest) => requests.listParts(target, ID, ...rest)],
  [
    'CompleteMultipartUpload',
    (requests, target, ...rest) => requests.complete(target, ID, [], ...rest),
  ],
];

const isNotTheService = (error: unknown) =>
  error instanceof UploadFailure && error.code === 'not-the-service';

for (const [operation, ask] of OPERATIONS) {
  test(`an answer to ${operation} that holds only text is not the service's`, async () => {
    const document = `<${operation}Result>hello</${operation}Result>`;
    await assert.rejects(answered(document, ask), isNotTheService);
  });
}

for (const empty of ['<ROOT/>', '<ROOT></ROOT>', '<ROOT> </ROOT>', '<ROOT>\n</ROOT>']) {
  const shown = JSON.stringify(empty);
  test(`${shown} is a list without entries, and nothing else`, async () => {
    for (const [operation, ask] of OPERATIONS) {
      const answer = answered(empty.replaceAll('ROOT', `${operation}Result`), ask);
      if (operation.startsWith('List')) assert.deepEqual(await answer, []);
      else await assert.rejects(answer, isNotTheService);
    }
  });
}
