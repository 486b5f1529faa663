import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCloud, type Cloud } from '../helpers/cloud.js';
import { callCos, callVod, cosCode, initiate, vod, vodCode } from '../helpers/sandbox-wire.js';
import type { Applied, WireAnswer } from '../helpers/sandbox-wire.js';

const BODY = Buffer.alloc(3 << 20, 7);
/** How long silence must last to be believed. */
const SILENCE_MS = 100;

let sandbox: Cloud;
let applied: Applied;
let objects = 0;

before(async () => {
  sandbox = await startCloud();
  applied = await vod<Applied>(sandbox, 'ApplyUpload', { MediaType: 'mp4' });
});

after(() => sandbox.close());

function freshPath(): string {
  const folder = applied.MediaStoragePath.slice(0, applied.MediaStoragePath.lastIndexOf('/'));
  return `${folder}/${objects++}.ts`;
}

interface Seen {
  readonly path: string;
  readonly answer?: WireAnswer;
  /** The error's code, or `silence` where patience ended. */
  readonly error?: string;
  readonly isStored: boolean;
}

/** One PUT under the fault; given up when `isQuiet` says that nothing more is to come. */
async function put(action: string, isQuiet?: (seen: Seen) => boolean): Promise<Seen> {
  sandbox.fail(`PutObject:${action}`);
  const path = freshPath();
  const patience = new AbortController();
  const { signal } = patience;
  const look = () => ({ path, isStored: existsSync(sandbox.objectPath(path.slice(1))) });
  const sent = callCos(sandbox, applied, 'PUT', path, { body: BODY, signal }).then(
    (answer) => ({ answer }),
    (error: NodeJS.ErrnoException) => ({
      error: error.name === 'AbortError' ? 'silence' : (error.code ?? error.message),
    }),
  );
  if (isQuiet) {
    while (sandbox.requests.at(-1)?.key !== path.slice(1) || !isQuiet(look())) await sleep(5);
    void sleep(SILENCE_MS).then(() => patience.abort());
  }
  const result = await sent;
  return { ...look(), ...result };
}

const statuses: [string, number, string | undefined][] = [
  ['503', 503, 'ServiceUnavailable'],
  ['500', 500, 'InternalError'],
  ['404', 404, 'NoSuchKey'],
  ['502', 502, undefined],
  ['SlowDown', 503, 'SlowDown'],
  ['ExpiredToken', 400, 'ExpiredToken'],
  ['RequestTimeTooSkewed', 403, 'RequestTimeTooSkewed'],
  ['BadDigest', 400, 'BadDigest'],
  ['NoSuchUpload', 404, 'NoSuchUpload'],
];
for (const [action, status, code] of statuses) {
  test(`${action} refuses with ${status} and stores nothing`, async () => {
    const { answer, isStored } = await put(action);
    assert.deepEqual([answer?.status, answer && cosCode(answer), isStored], [status, code, false]);
    // Anything but a gateway's own page says that it is COS.
    assert.equal(answer?.headers['x-cos-request-id'] !== undefined, code !== undefined);
  });
}

const whole = (bytes: number) => bytes === BODY.length;
const none = (bytes: number) => bytes === 0;
const some = (bytes: number) => bytes >= BODY.length / 2 && bytes < BODY.length;
const lastBytes = () => sandbox.requests.at(-1)?.bytesReceived ?? -1;

const losses: [string, RegExp, boolean, (bytes: number) => boolean][] = [
  ['reset', /ECONNRESET|EPIPE/, false, none],
  ['reset-body', /ECONNRESET|EPIPE/, false, some],
  ['lost', /ECONNRESET/, true, whole],
  ['half-close', /ECONNRESET/, false, whole],
  ['hang', /silence/, false, whole],
  ['hang-body', /silence/, false, none],
  ['hang-after', /silence/, true, whole],
  ['slow-answer', /silence/, true, whole],
];
for (const [action, error, isStored, hasRead] of losses) {
  test(`${action} ends in ${error.source}, the deed ${isStored ? 'done' : 'not done'}`, async () => {
    const isQuiet = (seen: Seen) => hasRead(lastBytes()) && seen.isStored === isStored;
    const seen = await put(action, error.source === 'silence' ? isQuiet : undefined);
    assert.match(seen.error ?? '', error);
    assert.equal(seen.isStored, isStored);
    assert.equal(sandbox.requests.at(-1)?.fault, action);
    assert.ok(hasRead(lastBytes()), `${lastBytes()}`);
  });
}

test('early-503 answers without reading the body', async () => {
  sandbox.fail('PutObject:early-503');
  const answer = await callCos(sandbox, applied, 'PUT', freshPath(), { body: 'x' });
  assert.deepEqual([answer.status, answer.headers.connection], [503, 'close']);
  assert.equal(sandbox.requests.at(-1)?.bytesReceived, 0);
});

test('login-page is a 200 that is not from COS, garbage one that is', async () => {
  const login = await put('login-page');
  assert.equal(login.answer?.status, 200);
  assert.equal(login.answer?.headers['x-cos-request-id'], undefined);
  assert.match(login.answer?.text ?? '', /<!DOCTYPE html>/);
  const garbage = await put('garbage');
  assert.ok(garbage.answer?.headers['x-cos-request-id']);
  assert.match(garbage.answer.text, /<Unclosed>$/);
  assert.deepEqual([login.isStored, garbage.isStored], [false, false]);
});

test('a header is left out however its name is spelt', async () => {
  const { answer } = await put('without=etag');
  assert.deepEqual([answer?.status, answer?.headers.etag], [200, undefined]);
});

test('bad-etag, bad-crc and no-crc spoil one header of a deed that is done', async () => {
  const seen = [];
  for (const action of ['delay=0', 'bad-etag', 'bad-crc', 'no-crc']) seen.push(await put(action));
  const [good, etag, crc, bare] = seen.map(({ answer }) => answer?.headers ?? {});
  const name = 'x-cos-hash-crc64ecma';
  assert.ok(seen.every(({ isStored }) => isStored));
  assert.deepEqual([etag?.etag !== good?.etag, etag?.[name]], [true, good?.[name]]);
  assert.deepEqual([crc?.etag, crc?.[name] !== good?.[name]], [good?.etag, true]);
  assert.deepEqual([bare?.etag, bare?.[name]], [good?.etag, undefined]);
});

test('delay holds the request back', async () => {
  const startedAt = performance.now();
  const { answer } = await put('delay=120');
  assert.equal(answer?.status, 200);
  assert.ok(performance.now() - startedAt >= 119);
});

test('skew moves the clock that judges and the Date that shows it', async () => {
  for (const [action, code] of [
    ['skew=1200000', 'AccessDenied'],
    ['skew=-1200000', 'RequestTimeTooSkewed'],
  ] as const) {
    const { answer } = await put(action);
    assert.equal(answer && cosCode(answer), code);
    const offMs = Date.parse(answer?.headers.date ?? '') - Date.now();
    assert.ok(Math.abs(offMs - Number(action.slice(5))) < 5000);
  }
  assert.equal((await put('delay=0')).answer?.status, 200);
});

async function assembleUnder(action: string) {
  const path = freshPath();
  const uploadId = await initiate(sandbox, applied, path);
  const part = `${path}?partNumber=1&uploadId=${uploadId}`;
  const { headers } = await callCos(sandbox, applied, 'PUT', part, { body: BODY });
  sandbox.fail(`CompleteMultipartUpload:${action}`);
  const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${headers.etag}</ETag></Part></CompleteMultipartUpload>`;
  const finish = () => callCos(sandbox, applied, 'POST', `${path}?uploadId=${uploadId}`, { body });
  const first = await finish().catch((error: NodeJS.ErrnoException) => error.code ?? 'error');
  const isStored = existsSync(sandbox.objectPath(path.slice(1)));
  return { first, isStored, second: await finish() };
}

test('error-200 is an error under 200 and leaves the upload as it was', async () => {
  const { first, isStored, second } = await assembleUnder('error-200');
  assert.ok(typeof first !== 'string');
  assert.deepEqual([first.status, cosCode(first), isStored], [200, 'InternalError', false]);
  assert.match(second.text, /CompleteMultipartUploadResult/);
});

for (const action of ['cut-200', 'lost']) {
  test(`after ${action} the object is there and the upload is gone`, async () => {
    const { first, isStored, second } = await assembleUnder(action);
    assert.deepEqual([first, isStored, cosCode(second)], ['ECONNRESET', true, 'NoSuchUpload']);
  });
}

test('a rule for one part leaves the others alone', async () => {
  const path = freshPath();
  const uploadId = await initiate(sandbox, applied, path);
  sandbox.fail('UploadPart#2:503*2');
  const statusesSeen: number[] = [];
  for (const number of [1, 2, 2, 2, 3]) {
    const part = `${path}?partNumber=${number}&uploadId=${uploadId}`;
    statusesSeen.push((await callCos(sandbox, applied, 'PUT', part, { body: 'x' })).status);
  }
  assert.deepEqual(statusesSeen, [200, 503, 503, 200, 200]);
});

test('the VOD API fails in its own way: codes under 200, pages from gateways, commits that get lost', async () => {
  const apply = () => callVod(sandbox, 'ApplyUpload', { MediaType: 'mp4' });
  sandbox.fail(...['InternalError', '502', 'garbage'].map((fault) => `ApplyUpload:${fault}`));
  const internal = await apply();
  assert.deepEqual([internal.status, vodCode(internal)], [200, 'InternalError']);
  assert.equal((await apply()).status, 502);
  const garbage = await apply();
  assert.throws(() => vodCode(garbage), SyntaxError);

  await callCos(sandbox, applied, 'PUT', applied.MediaStoragePath, { body: 'x' });
  sandbox.fail('CommitUpload:lost');
  const commit = () => callVod(sandbox, 'CommitUpload', { VodSessionKey: applied.VodSessionKey });
  await assert.rejects(commit(), { code: 'ECONNRESET' });
  const session = sandbox.sessions().find(({ sessionKey }) => sessionKey === applied.VodSessionKey);
  assert.deepEqual([session?.commits, session?.repeats], [1, 0]);
  assert.equal(vodCode(await commit()), undefined);
});

test('a sandbox with hanging connections closes at once', async () => {
  const stuck = await startCloud(['*:hang*always']);
  const call = callVod(stuck, 'ApplyUpload', { MediaType: 'mp4' });
  const failed = assert.rejects(call, { code: 'ECONNRESET' });
  while (stuck.requests.length === 0) await new Promise((done) => setImmediate(done));
  await stuck.close();
  await failed;
});
