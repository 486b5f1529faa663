import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createCrc64 } from '../../src/cos/crc64.js';
import type { Verification } from '../../src/cos/digest.js';
import { headObject, writeObject } from '../../src/cos/object-requests.js';
import { createBufferPool } from '../../src/cos/part-body.js';
import { createClock } from '../../src/net/clock.js';
import { createRetryBudget } from '../../src/net/retry.js';
import { createThrottle, type Throttle } from '../../src/net/throttle.js';
import { sourceOf } from '../../src/plan/source.js';
import { routeTo } from '../helpers/route-to.js';
import { jobOf } from '../helpers/world.js';

const CONTENT = randomBytes(1000);
const MD5 = createHash('md5').update(CONTENT).digest('hex');
const CRC64 = crc64Of(CONTENT);
const ENCRYPTED = { 'x-cos-server-side-encryption': 'cos/kms' };
const OWN_KEY = { 'x-cos-server-side-encryption-customer-algorithm': 'AES256' };
const UNTRUE = 'f'.repeat(32);
const SIGNAL = new AbortController().signal;
const FIRST = { number: 1, domain: 'myqcloud.com' };

function crc64Of(content: Buffer): string {
  const crc64 = createCrc64();
  crc64.update(content);
  return crc64.digest().toString();
}

/** A COS that answers everything with these headers, once it has read it all. */
async function answering(
  t: TestContext,
  verification: Verification,
  headers: OutgoingHttpHeaders,
  status = 200,
) {
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(status, { 'x-cos-request-id': 'id', ...headers }).end();
    });
  });
  return behind(t, verification, server);
}

async function behind(
  t: TestContext,
  verification: Verification,
  server: http.Server,
  throttled: { readonly throttle?: Throttle } = {},
) {
  const route = await routeTo(t, server, throttled);
  const policy = { retries: 0, budget: createRetryBudget(1000, 1000) };
  const credentials = async () => ({ secretId: 'id', secretKey: 'key', token: 'token' });
  const common = { credentials, clock: createClock(), policy, stallTimeoutMs: 5000 };
  const options = { ...common, route, verification };
  return { options, target: { bucket: 'b-1', region: 'r', key: 'a.mp4' } };
}

async function write(t: TestContext, verification: Verification, headers: OutgoingHttpHeaders) {
  return writeTo(t, await answering(t, verification, headers), CONTENT);
}

async function writeTo(
  t: TestContext,
  { options, target }: Awaited<ReturnType<typeof behind>>,
  content: Buffer,
) {
  const dir = mkdtempSync(join(tmpdir(), 'vod-upload-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'a.mp4');
  writeFileSync(path, content);
  const source = sourceOf((await jobOf(path)).media);
  const whole = { target, attempt: FIRST };
  const part = { number: 1, start: 0, end: content.length };
  return writeObject(options, createBufferPool(), whole, source, part, SIGNAL).finally(() =>
    source.close(),
  );
}

const agreeing: readonly (readonly [string, Verification, OutgoingHttpHeaders])[] = [
  ['an MD5', 'md5', { ETag: `"${MD5}"`, 'x-cos-hash-crc64ecma': '1' }],
  [
    'a CRC-64 where KMS encrypts',
    'md5',
    { ...ENCRYPTED, ETag: `"${UNTRUE}"`, 'x-cos-hash-crc64ecma': CRC64 },
  ],
  [
    'a CRC-64 where a key of the customer encrypts',
    'md5',
    { ...OWN_KEY, ETag: `"${UNTRUE}"`, 'x-cos-hash-crc64ecma': CRC64 },
  ],
  ['nothing where that is all there is', 'md5', { ...ENCRYPTED, ETag: `"${UNTRUE}"` }],
  ['nothing either with CRC-64', 'crc64', { ...ENCRYPTED, ETag: `"${UNTRUE}"` }],
  ['an MD5 where no CRC-64 is told', 'crc64', { ETag: `"${MD5}"` }],
];
for (const [name, verification, headers] of agreeing) {
  test(`--verify ${verification} is content with ${name}`, async (t) => {
    assert.equal((await write(t, verification, headers)).size, CONTENT.length);
  });
}

const differing: readonly (readonly [string, Verification, OutgoingHttpHeaders, string])[] = [
  ['an MD5', 'md5', { ETag: `"${UNTRUE}"`, 'x-cos-hash-crc64ecma': CRC64 }, UNTRUE],
  ['a CRC-64', 'crc64', { ETag: `"${MD5}"`, 'x-cos-hash-crc64ecma': '17' }, '17'],
  [
    'the CRC-64 of what KMS encrypts',
    'md5',
    { ...ENCRYPTED, ETag: `"${UNTRUE}"`, 'x-cos-hash-crc64ecma': '17' },
    '17',
  ],
];
for (const [name, verification, headers, told] of differing) {
  test(`--verify ${verification} notices ${name} that differs, and tells that`, async (t) => {
    await assert.rejects(write(t, verification, headers), {
      code: 'corrupted',
      message: `PutObject: the service holds other bytes than were sent (it says ${told})`,
    });
  });
}

test('an object whose size HEAD leaves out is no other object', async (t) => {
  const { options, target } = await answering(t, 'crc64', { ETag: `"${MD5}"` });
  assert.equal(await headObject(options, target, FIRST, SIGNAL), 'untold');
});

test('a HEAD that fails for the moment tells nothing of the object', async (t) => {
  const { options, target } = await answering(t, 'crc64', {}, 503);
  await assert.rejects(headObject(options, target, FIRST, SIGNAL), {
    code: 'service-unavailable',
  });
});

test('a CRC-64 counts where HEAD leaves the size out', async (t) => {
  const headers = { ETag: `"${MD5}"`, 'x-cos-hash-crc64ecma': '17' };
  const { options, target } = await answering(t, 'crc64', headers);
  assert.deepEqual(await headObject(options, target, FIRST, SIGNAL), { crc64: '17' });
});

test('what nobody compared is no digest of an object', async (t) => {
  const told = await write(t, 'crc64', { ETag: `"${MD5}"`, 'x-cos-hash-crc64ecma': CRC64 });
  assert.equal(told.crc64, BigInt(CRC64));
  const silent = await write(t, 'crc64', { ...ENCRYPTED, ETag: `"${UNTRUE}"` });
  assert.equal(silent.crc64, undefined);
});

test('HEAD tells the size and the CRC-64 of an object', async (t) => {
  const headers = { ETag: `"${MD5}"`, 'Content-Length': '5', 'x-cos-hash-crc64ecma': '17' };
  const { options, target } = await answering(t, 'crc64', headers);
  assert.deepEqual(await headObject(options, target, FIRST, SIGNAL), {
    size: 5,
    crc64: '17',
  });
});

test('bytes that are read but not sent by the time of the answer are not stored, whoever says so', async (t) => {
  const hasty = http.createServer((_request, response) => {
    response.writeHead(200, { 'x-cos-request-id': 'id', ETag: `"${MD5}"` }).end();
  });
  const throttle = createThrottle(() => 16_000);
  const cloud = await behind(t, 'none', hasty, { throttle });
  await assert.rejects(writeTo(t, cloud, randomBytes(32_000)), {
    code: 'not-the-service',
    message: 'PutObject: answered before the body was sent',
  });
});
