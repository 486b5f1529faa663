import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startCloud, type Cloud } from '../helpers/cloud.js';
import { callCos, callVod, send, vod, vodCode } from '../helpers/sandbox-wire.js';
import type { Applied, VodCall, WireAnswer } from '../helpers/sandbox-wire.js';

let sandbox: Cloud;
let applied: Applied;

before(async () => {
  sandbox = await startCloud();
  applied = await vod<Applied>(sandbox, 'ApplyUpload', { MediaType: 'mp4', CoverType: 'jpg' });
});

after(() => sandbox.close());

const vodRefusals: [string, string, object | string, VodCall, string][] = [
  ['another id', 'ApplyUpload', {}, { secretId: 'AKIDx' }, 'AuthFailure.SecretIdNotFound'],
  ['another key', 'ApplyUpload', {}, { secretKey: 'x' }, 'AuthFailure.SignatureFailure'],
  ['service "127"', 'ApplyUpload', {}, { service: '127' }, 'AuthFailure.SignatureFailure'],
  [
    'an old timestamp',
    'ApplyUpload',
    {},
    { timestamp: 1_700_000_000 },
    'AuthFailure.SignatureExpire',
  ],
  ['another version', 'ApplyUpload', {}, { headers: { 'X-TC-Version': '2017' } }, 'NoSuchVersion'],
  ['no region', 'ApplyUpload', {}, { headers: { 'X-TC-Region': '' } }, 'MissingParameter'],
  ['an odd region', 'ApplyUpload', {}, { headers: { 'X-TC-Region': 'x' } }, 'UnsupportedRegion'],
  ['an unknown action', 'FlyToTheMoon', {}, {}, 'InvalidAction'],
  ['no JSON', 'ApplyUpload', 'MediaType=mp4', {}, 'InvalidParameter'],
  ['no media type', 'ApplyUpload', {}, {}, 'MissingParameter'],
  ['TasksPriority', 'ApplyUpload', { MediaType: 'mp4', TasksPriority: 1 }, {}, 'UnknownParameter'],
  [
    'a number for a name',
    'ApplyUpload',
    { MediaType: 'mp4', MediaName: 1 },
    {},
    'InvalidParameter',
  ],
  [
    'a text for a number',
    'ApplyUpload',
    { MediaType: 'mp4', SubAppId: '1' },
    {},
    'InvalidParameter',
  ],
  ['type exe', 'ApplyUpload', { MediaType: 'exe' }, {}, 'InvalidParameterValue.MediaType'],
  [
    'cover mp4',
    'ApplyUpload',
    { MediaType: 'mp4', CoverType: 'mp4' },
    {},
    'InvalidParameterValue.CoverType',
  ],
  [
    'a date for a time',
    'ApplyUpload',
    { MediaType: 'mp4', ExpireTime: '2099-01-01' },
    {},
    'InvalidParameterValue.ExpireTime',
  ],
  [
    '251 of context',
    'ApplyUpload',
    { MediaType: 'mp4', SourceContext: 'é'.repeat(251) },
    {},
    'InvalidParameterValue',
  ],
  [
    '1001 of context',
    'ApplyUpload',
    { MediaType: 'mp4', SessionContext: 'x'.repeat(1001) },
    {},
    'InvalidParameterValue.SessionContextTooLong',
  ],
  [
    'an unknown key',
    'CommitUpload',
    { VodSessionKey: 'x' },
    {},
    'InvalidParameterValue.VodSessionKey',
  ],
  [
    'a reference upwards',
    'ParseStreamingManifest',
    { MediaManifestContent: '#EXTM3U\n../a.ts' },
    {},
    'InvalidParameterValue.MediaManifestContent',
  ],
];
for (const [name, action, params, call, code] of vodRefusals) {
  test(`${action} with ${name} is ${code}, under HTTP 200`, async () => {
    const answer = await callVod(sandbox, action, params, call);
    assert.deepEqual([answer.status, vodCode(answer)], [200, code]);
  });
}

function callForm(body: string): Promise<WireAnswer> {
  const headers = {
    Host: 'vod.tencentcloudapi.com',
    'Content-Type': 'application/x-www-form-urlencoded',
  };
  return send(sandbox, { method: 'POST', target: '/', headers, body });
}

/** A form in the older signature (v1), its fields in the order in which they are signed. */
function signedForm(timestamp: string): string {
  const { secretId } = sandbox;
  const fields = `Action=DescribeTasks&Nonce=1&SecretId=${secretId}&Timestamp=${timestamp}&Version=2018-07-17`;
  const hmac = createHmac('sha1', sandbox.secretKey);
  const signature = hmac.update(`POSTvod.tencentcloudapi.com/?${fields}`).digest('base64');
  return `${fields}&Signature=${encodeURIComponent(signature)}`;
}

const formRefusals: [string, () => string, string | undefined][] = [
  ['the time', () => signedForm(String(Math.floor(Date.now() / 1000))), undefined],
  ['no number for the time', () => signedForm('abc'), 'InvalidParameter'],
  ['bad encoding', () => 'Action=%', 'InvalidParameter'],
  ['more than 1 MB', () => `Action=${'x'.repeat(1_100_000)}`, 'RequestSizeLimitExceeded'],
];
for (const [name, form, code] of formRefusals) {
  test(`a form with ${name} is ${code ?? 'served'}, under HTTP 200, and recorded`, async () => {
    const before = sandbox.requests.length;
    const answer = await callForm(form());
    assert.deepEqual([answer.status, vodCode(answer)], [200, code]);
    assert.equal(sandbox.requests.length, before + 1);
  });
}

test('a commit must be of the sub-application that applied', async () => {
  const answer = await callVod(sandbox, 'CommitUpload', {
    VodSessionKey: applied.VodSessionKey,
    SubAppId: 5,
  });
  assert.equal(vodCode(answer), 'InvalidParameterValue.SubAppId');
});

test('a playlist is parsed into what it refers to, sub-playlists, keys and init files included', async () => {
  const MediaManifestContent = [
    '#EXTM3U',
    '#EXT-X-KEY:METHOD=AES-128,URI="k/key.bin"',
    '#EXT-X-MAP:URI="init.mp4"',
    '#EXTINF:4,',
    'a.ts',
    '#EXTINF:4,',
    'low/low.m3u8',
  ].join('\n');
  const params = { MediaManifestContent };
  const found = await vod<{ MediaSegmentSet: string[] }>(sandbox, 'ParseStreamingManifest', params);
  assert.deepEqual(found.MediaSegmentSet, ['k/key.bin', 'init.mp4', 'a.ts', 'low/low.m3u8']);
});

test('more calls a second than allowed are RequestLimitExceeded', async (t) => {
  const narrow = await startCloud([], { apiRateLimit: 1 });
  t.after(() => narrow.close());
  const calls = Array.from({ length: 10 }, () => callVod(narrow, 'DescribeTasks', {}));
  const codes = (await Promise.all(calls)).map(vodCode);
  assert.equal(codes[0], undefined);
  assert.ok(codes.includes('RequestLimitExceeded'));
});

test('the client API hands out the same kind of session, and renews its certificate in place', async () => {
  const at = Math.floor(Date.now() / 1000);
  const fields = `secretId=${sandbox.secretId}&currentTimeStamp=${at}&expireTime=${at + 600}&random=7`;
  const original = Buffer.from(`${fields}&sourceContext=a%20b&vodSubAppId=5`);
  const hmac = createHmac('sha1', sandbox.secretKey).update(original).digest();
  const signature = Buffer.concat([hmac, original]).toString('base64');
  const call = async (action: string, params: object) => {
    const headers = { Host: 'vod2.qcloud.com', 'Content-Type': 'application/json' };
    const target = `/v3/index.php?Action=${action}`;
    const body = JSON.stringify({ signature, ...params });
    const { text } = await send(sandbox, { method: 'POST', target, headers, body });
    return JSON.parse(text) as { code: number; data: Record<string, unknown> };
  };
  const video = { videoName: 'v', videoType: 'mp4', videoSize: 1 };
  const { code, data } = await call('ApplyUploadUGC', video);
  const { storagePath } = data['video'] as { storagePath: string };
  const vodSessionKey = data['vodSessionKey'];
  const renewed = await call('ApplyUploadUGC', { vodSessionKey });
  const certificate = renewed.data['tempCertificate'] as Record<string, string>;
  assert.equal((renewed.data['video'] as { storagePath: string }).storagePath, storagePath);
  assert.notEqual(
    certificate['secretId'],
    (data['tempCertificate'] as Record<string, string>)['secretId'],
  );
  const session: Applied = {
    ...applied,
    StorageBucket: `${String(data['storageBucket'])}-${String(data['storageAppId'])}`,
    TempCertificate: {
      SecretId: certificate['secretId'] ?? '',
      SecretKey: certificate['secretKey'] ?? '',
      Token: certificate['token'] ?? '',
      ExpiredTime: 0,
    },
  };
  assert.equal((await callCos(sandbox, session, 'PUT', storagePath, { body: 'x' })).status, 200);
  const committed = await call('CommitUploadUGC', { vodSessionKey });
  const known = sandbox.sessions().find(({ fileId }) => fileId === committed.data['fileId']);
  assert.deepEqual([code, committed.code, known?.commits], [0, 0, 1]);
  assert.equal(known?.params['SourceContext'], 'a b');
  assert.equal((await call('CommitUploadUGC', { vodSessionKey: 'x' })).code, 10005);
  assert.equal((await call('ApplyUploadUGC', { ...video, signature: 'x' })).code, 10004);
  assert.equal((await call('ApplyUploadUGC', {})).code, 10001);
});
