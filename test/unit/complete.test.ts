import assert from 'node:assert/strict';
import http from 'node:http';
import { test, type TestContext } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { ETag, UploadId } from '../../src/core/ids.js';
import type { StoredPart } from '../../src/core/model.js';
import type { ListedPart } from '../../src/core/ports.js';
import { createComplete } from '../../src/cos/complete.js';
import type { Verification } from '../../src/cos/digest.js';
import type { MultipartRequests } from '../../src/cos/multipart-requests.js';
import { createRepeat } from '../../src/cos/repeat.js';
import { createClock } from '../../src/net/clock.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { routeTo } from '../helpers/route-to.js';

const PART: StoredPart = { number: 1, size: 10, etag: '"told"' as ETag };

/** Completes an upload of one part at a COS whose object is of `objectSize` afterwards. */
async function complete(
  t: TestContext,
  verification: Verification,
  requests: Partial<MultipartRequests>,
  objectSize = PART.size,
): Promise<unknown> {
  const server = http.createServer((_request, response) => {
    const headers = { 'x-cos-request-id': 'id', ETag: '"whole"', 'Content-Length': objectSize };
    response.writeHead(200, headers).end();
  });
  const route = await routeTo(t, server);
  const options = {
    credentials: async () => ({ secretId: 'id', secretKey: 'key' }),
    route,
    clock: createClock(),
    policy: { retries: 0, budget: createRetryBudget(1000, 1000) },
    stallTimeoutMs: 5000,
    verification,
  };
  const completing = createComplete(options, requests as MultipartRequests, createRepeat(options));
  const target = { bucket: 'b-1', region: 'r', key: 'a.mp4' };
  const { signal } = new AbortController();
  return completing(target, 'id' as UploadId, [PART], false, () => undefined, signal);
}

/** A COS that lists this part, and refuses it under another ETag than it lists. */
function listing(listed: ListedPart): Partial<MultipartRequests> {
  return {
    listParts: async () => [listed],
    complete: async (_target, _id, [named]) => {
      if (named?.etag === listed.etag) return '17';
      throw new UploadFailure('upload-gone', 'no', { serviceCode: 'InvalidPart' });
    },
  };
}

for (const [rule, verification, listedSize, isMerged] of [
  ['a part goes by the ETag that is listed', 'crc64', PART.size, true],
  ['a part that is listed with another size is another part', 'crc64', 11, false],
  ['an ETag that was compared itself is final', 'md5', PART.size, false],
] as const) {
  test(`where Complete refuses a part: ${rule}`, async (t) => {
    const listed = { number: PART.number, size: listedSize, etag: '"listed"' };
    const completed = complete(t, verification, listing(listed));
    await (isMerged ? completed : assert.rejects(completed, { code: 'upload-gone' }));
  });
}

test('an object of another size than its parts is not the file', async (t) => {
  const silent = { complete: async () => undefined };
  await complete(t, 'crc64', silent);
  await assert.rejects(complete(t, 'crc64', silent, 11), { code: 'object-corrupted' });
});
