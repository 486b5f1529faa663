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
import type { Attempt } from '../../src/cos/repeat.js';
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
  attempt: Attempt,
  signal: AbortSignal,
) => Promise<unknown>;

/** What becomes of a request that is answered with this document; others that follow, with the next ones. */
async function answered(document: string, ask: Ask, ...next: readonly string[]): Promise<unknown> {
  const documents = [document, ...next];
  let asked = 0;
  const server = http.createServer((_request, response) => {
    const answer = documents[asked++ % documents.length];
    response.writeHead(200, { 'x-cos-request-id': 'id' }).end(answer);
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
    return await ask(
      requests,
      TARGET,
      { number: 1, domain: 'myqcloud.com' },
      new AbortController().signal,
    );
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

const listParts: Ask = (requests, target, ...rest) => requests.listParts(target, ID, ...rest);

function page(number: number, isTruncated: boolean, marker: string): string {
  const part = `<Part><PartNumber>${number}</PartNumber><Size>1</Size><ETag>"e"</ETag></Part>`;
  const next = marker && `<NextPartNumberMarker>${marker}</NextPartNumberMarker>`;
  return `<ListPartsResult><IsTruncated>${isTruncated}</IsTruncated>${next}${part}</ListPartsResult>`;
}

test('the pages of a list of parts are joined, whether they name the next one or not', async () => {
  const pages = [page(1, true, '1'), page(7, true, ''), page(8, false, '')] as const;
  const [first, ...others] = pages;
  const parts = (await answered(first, listParts, ...others)) as readonly { number: number }[];
  assert.deepEqual(
    parts.map(({ number }) => number),
    [1, 7, 8],
  );
});

for (const [what, ...markers] of [
  ['come round again', '1', '2'],
  ['name themselves', '1'],
  ['name a part that no upload has', '10001'],
  ['name no number', 'x'],
] as const) {
  test(`pages of a list of parts that ${what} are not the service's`, async () => {
    const [first = '', ...others] = markers.map((marker) => page(1, true, marker));
    await assert.rejects(answered(first, listParts, ...others), isNotTheService);
  });
}

for (const [field, value] of [
  ['bucket', 'x'],
  ['region', 'AP'],
  ['key', ''],
] as const) {
  test(`a ${field} that the SDK refuses before it asks is a failure with the SDK's reason`, async () => {
    const ask: Ask = (requests, target, ...rest) =>
      requests.initiate({ ...target, [field]: value }, ...rest);
    await assert.rejects(answered('', ask), {
      code: 'bad-request',
      message: /^InitiateMultipartUpload: .*(bucket|region|key)/i,
    });
  });
}
