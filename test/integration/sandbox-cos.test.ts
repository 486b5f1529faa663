import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { startCloud, type Cloud } from '../helpers/cloud.js';
import { callCos, cosCode, initiate, vod } from '../helpers/sandbox-wire.js';
import type { Applied, CosCall } from '../helpers/sandbox-wire.js';

let sandbox: Cloud;
let applied: Applied;
let folder: string;

before(async () => {
  sandbox = await startCloud();
  applied = await vod<Applied>(sandbox, 'ApplyUpload', { MediaType: 'mp4', CoverType: 'jpg' });
  folder = applied.MediaStoragePath.slice(0, applied.MediaStoragePath.lastIndexOf('/'));
});

after(() => sandbox.close());

const begin = (path = applied.MediaStoragePath) => initiate(sandbox, applied, path);

function completion(parts: readonly (readonly [number, string])[]): string {
  const items = parts.map(
    ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload>${items.join('')}</CompleteMultipartUpload>`;
}

const now = () => Math.floor(Date.now() / 1000);
const cosRefusals: [string, CosCall | (() => CosCall), number, string][] = [
  ['no signature', { unsigned: { Authorization: '' } }, 403, 'AccessDenied'],
  ['an unknown id', { secretId: 'AKIDx' }, 403, 'InvalidAccessKeyId'],
  ['a wrong key', { secretKey: 'x' }, 403, 'SignatureDoesNotMatch'],
  ['no token', { token: '' }, 403, 'AccessDenied'],
  ["another's token", { token: 'x' }, 403, 'AccessDenied'],
  ['a window that is over', { keyTime: '1700000000;1700000900' }, 403, 'AccessDenied'],
  ['a window to come', () => ({ keyTime: `${now() + 60};${now() + 900}` }), 403, 'AccessDenied'],
  [
    'a window far ahead',
    () => ({ keyTime: `${now() + 1000};${now() + 9000}` }),
    403,
    'RequestTimeTooSkewed',
  ],
  [
    'an old Date',
    { headers: { date: 'Tue, 14 Nov 2023 22:13:20 GMT' } },
    403,
    'RequestTimeTooSkewed',
  ],
  [
    'a signed header changed',
    { headers: { 'content-type': 'a/b' }, unsigned: { 'content-type': 'c/d' } },
    403,
    'SignatureDoesNotMatch',
  ],
  [
    'a signed header left out',
    { headers: { 'content-type': 'a/b' }, unsigned: { 'content-type': '' } },
    403,
    'SignatureDoesNotMatch',
  ],
  ['another bucket', { host: 'other-10022853.cos.ap-chongqing.myqcloud.com' }, 404, 'NoSuchBucket'],
  ['a digest of no digest', { headers: { 'content-md5': 'AAAA' } }, 400, 'InvalidDigest'],
  [
    'a digest of other bytes',
    { headers: { 'content-md5': 'EI9SjrY7Zec08nrjMfX/qg==' } },
    400,
    'BadDigest',
  ],
  ['a traffic limit too low', { headers: { 'x-cos-traffic-limit': '1' } }, 400, 'InvalidArgument'],
];
for (const [name, call, status, code] of cosRefusals) {
  test(`PUT with ${name} is ${status} ${code}`, async () => {
    const given = typeof call === 'function' ? call() : call;
    const put = { body: 'bytes', ...given };
    const answer = await callCos(sandbox, applied, 'PUT', applied.MediaStoragePath, put);
    assert.deepEqual([answer.status, cosCode(answer)], [status, code]);
    assert.ok(answer.headers['x-cos-request-id'] && answer.headers['x-cos-trace-id']);
  });
}

test('a certificate covers the directory of its media and nothing else', async () => {
  const put = (path: string) => callCos(sandbox, applied, 'PUT', path, { body: 'x' });
  assert.equal((await put(`${folder}/seg (1)/视频+a&b!'*.ts`)).status, 200);
  assert.equal((await put(`${folder}/seg (1)`)).status, 409);
  assert.equal((await put('/elsewhere/a.ts')).status, 403);
  assert.equal((await put(`/${applied.MediaStoragePath}`)).status, 403);
  assert.equal((await put(`${folder}/../a.ts`)).status, 400);
  const list = await callCos(sandbox, applied, 'GET', '/?uploads');
  assert.equal(cosCode(list), 'AccessDenied');
});

test('both domains and proxied requests are served', async () => {
  const host = `${applied.StorageBucket}.cos.${applied.StorageRegion}.tencentcos.cn`;
  for (const call of [{ host }, { host, isAbsolute: true }]) {
    const answer = await callCos(sandbox, applied, 'PUT', `${folder}/a.ts`, { ...call, body: 'x' });
    assert.equal(answer.status, 200);
  }
});

test('what was put is there, with its MD5, CRC-64 and length', async () => {
  const path = `${folder}/object.bin`;
  const put = await callCos(sandbox, applied, 'PUT', path, { body: '[Object Content]' });
  assert.equal(put.headers.etag, '"ee8de918d05640145b18f70f4c3aa602"');
  const head = await callCos(sandbox, applied, 'HEAD', path);
  assert.equal(head.headers['x-cos-hash-crc64ecma'], '16749565679157681890');
  assert.equal(head.headers['content-length'], '16');
  assert.equal(head.headers['server'], 'tencent-cos');
  const part = await callCos(sandbox, applied, 'GET', path, { headers: { range: 'bytes=1-6' } });
  assert.deepEqual([part.status, part.text], [206, 'Object']);
  assert.equal((await callCos(sandbox, applied, 'DELETE', path)).status, 204);
  assert.equal((await callCos(sandbox, applied, 'HEAD', path)).status, 404);
});

test('a body without a length is refused, and a body cut short is not stored', async () => {
  const path = `${folder}/short.bin`;
  const unsigned = { 'content-length': '', 'transfer-encoding': 'chunked' };
  const query = `?partNumber=1&uploadId=${await begin()}`;
  const media = applied.MediaStoragePath;
  const answer = await callCos(sandbox, applied, 'PUT', media + query, { body: 'x', unsigned });
  assert.deepEqual([answer.status, cosCode(answer)], [411, 'MissingContentLength']);

  const socket = connect(sandbox.port, '127.0.0.1');
  const host = `${applied.StorageBucket}.cos.${applied.StorageRegion}.myqcloud.com`;
  socket.end(`PUT ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 10\r\n\r\nhalf`);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 400 .*<Code>IncompleteBody</s);
  assert.equal((await callCos(sandbox, applied, 'HEAD', path)).status, 404);
});

test('parts must be big enough, in order, without gaps, and as stored', async () => {
  const path = applied.MediaStoragePath;
  const uploadId = await begin();
  const mebibyte = Buffer.alloc(1 << 20, 1);
  const bodies: [number, Uint8Array][] = [
    [1, mebibyte],
    [2, Buffer.from('small')],
    [3, mebibyte],
    [4, Buffer.from('last')],
  ];
  const etags = new Map<number, string>();
  for (const [number, body] of bodies) {
    const query = `?partNumber=${number}&uploadId=${uploadId}`;
    const { headers } = await callCos(sandbox, applied, 'PUT', path + query, { body });
    etags.set(number, headers.etag ?? '');
    assert.equal(headers.etag, `"${createHash('md5').update(body).digest('hex')}"`);
  }
  const entry = (number: number) => [number, etags.get(number) ?? ''] as const;
  const finish = (body: string, id = uploadId) =>
    callCos(sandbox, applied, 'POST', `${path}?uploadId=${id}`, { body });
  const refused: [string, string][] = [
    [completion([entry(1), entry(2), entry(3)]), 'EntityTooSmall'],
    [completion([entry(3), entry(1)]), 'InvalidPartOrder'],
    [completion([entry(1), entry(3)]), 'InvalidPart'],
    [completion([entry(1), entry(2), entry(3), entry(4), [5, '"x"']]), 'InvalidPart'],
    [completion([[1, '"0123"'], entry(2)]), 'InvalidPart'],
    [completion([]), 'MalformedXML'],
    ['<CompleteMultipartUpload><Part>', 'MalformedXML'],
  ];
  for (const [body, code] of refused) assert.equal(cosCode(await finish(body)), code);
  assert.equal(cosCode(await finish(completion([entry(1)]), 'unknown')), 'NoSuchUpload');
  for (const number of ['0', '10001', 'x']) {
    const query = `?partNumber=${number}&uploadId=${uploadId}`;
    const answer = await callCos(sandbox, applied, 'PUT', path + query, { body: 'x' });
    assert.equal(cosCode(answer), 'InvalidArgument');
  }

  const page = await callCos(
    sandbox,
    applied,
    'GET',
    `${path}?max-parts=2&part-number-marker=1&uploadId=${uploadId}`,
  );
  assert.match(
    page.text,
    /<NextPartNumberMarker>3<.*<IsTruncated>true<.*<PartNumber>2<.*<Size>5</s,
  );

  const done = await finish(completion([entry(1), entry(2)]));
  assert.equal(done.status, 200);
  assert.match(
    done.text,
    /^ +<\?xml .*<CompleteMultipartUploadResult .*<ETag>&quot;[0-9a-f]{32}-2&quot;</s,
  );
  assert.equal(done.headers['transfer-encoding'], 'chunked');
  const head = await callCos(sandbox, applied, 'HEAD', path);
  assert.equal(head.headers['x-cos-hash-crc64ecma'], done.headers['x-cos-hash-crc64ecma']);
  const stored = await readFile(sandbox.objectPath(path.slice(1)));
  assert.ok(stored.equals(Buffer.concat([mebibyte, Buffer.from('small')])));
  assert.equal(cosCode(await finish(completion([entry(1)]))), 'NoSuchUpload');
});

test('unfinished uploads are listed page by page until they are aborted', async () => {
  const ids: string[] = [];
  for (const name of ['x', 'x', 'y']) ids.push(await begin(`${folder}/list/${name}.ts`));
  const list = async (query: string) => {
    const path = `/?uploads&prefix=${encodeURIComponent(`${folder.slice(1)}/list/`)}&${query}`;
    const { text } = await callCos(sandbox, applied, 'GET', path);
    const found = [...text.matchAll(/<UploadId>(\w+)</g)].map((match) => match[1]);
    const [, key = '', id = ''] =
      /<NextKeyMarker>(.*?)<.*<NextUploadIdMarker>(.*?)</s.exec(text) ?? [];
    return { found, key, id };
  };
  const first = await list('max-uploads=2');
  const second = await list(`key-marker=${first.key}&upload-id-marker=${first.id}`);
  assert.deepEqual([...first.found, ...second.found].sort(), [...ids].sort());
  assert.equal(second.found.length, 1);
  for (const [i, name] of ['x', 'x', 'y'].entries()) {
    const path = `${folder}/list/${name}.ts?uploadId=${ids[i]}`;
    assert.equal((await callCos(sandbox, applied, 'DELETE', path)).status, 204);
    assert.equal(cosCode(await callCos(sandbox, applied, 'DELETE', path)), 'NoSuchUpload');
  }
  assert.deepEqual((await list('')).found, []);
});

test('nothing else has a meaning: sub-resources and copies are refused', async () => {
  const path = applied.MediaStoragePath;
  assert.equal((await callCos(sandbox, applied, 'PUT', `${path}?acl`, { body: 'x' })).status, 405);
  const headers = { 'x-cos-copy-source': 'x' };
  assert.equal((await callCos(sandbox, applied, 'PUT', path, { headers })).status, 501);
});

test('an expired certificate is 400 ExpiredToken, and the commit still works', async (t) => {
  const brief = await startCloud([], { certificateTtlMs: 1500 });
  t.after(() => brief.close());
  const session = await vod<Applied>(brief, 'ApplyUpload', { MediaType: 'mp4' });
  const put = () => callCos(brief, session, 'PUT', session.MediaStoragePath, { body: 'x' });
  assert.equal((await put()).status, 200);
  let answer = await put();
  while (answer.status === 200) answer = await put();
  assert.deepEqual([answer.status, cosCode(answer)], [400, 'ExpiredToken']);
  await vod(brief, 'CommitUpload', { VodSessionKey: session.VodSessionKey });
});

test('keys, sessions, parts, objects and commits outlive a restart, half-received parts do not, secrets readable by the owner only', async () => {
  const home = join(sandbox.dir, 'restarted');
  let running = await startSandbox({ dir: home });
  const { secretKey } = running;
  try {
    const params = { MediaType: 'mp4', Procedure: 'p' };
    const session = await vod<Applied>(running, 'ApplyUpload', params);
    const path = session.MediaStoragePath;
    const uploadId = await initiate(running, session, path);
    const part = `${path}?partNumber=1&uploadId=${uploadId}`;
    const sent = await callCos(running, session, 'PUT', part, { body: 'the only part' });

    await running.close();
    const partsDir = join(home, '.sandbox/parts');
    await writeFile(join(partsDir, 'half'), 'what a killed process had received');
    running = await startSandbox({ dir: home });
    assert.equal((await readdir(partsDir)).length, 1);
    assert.equal(running.secretKey, secretKey);
    assert.equal(running.openUploads()[0]?.parts[0]?.size, 13);
    const body = completion([[1, sent.headers.etag ?? '']]);
    await callCos(running, session, 'POST', `${path}?uploadId=${uploadId}`, { body });
    const key = { VodSessionKey: session.VodSessionKey };
    const receipt = await vod<{ FileId: string }>(running, 'CommitUpload', key);

    await running.close();
    running = await startSandbox({ dir: home });
    assert.equal(
      (await vod<{ FileId: string }>(running, 'CommitUpload', key)).FileId,
      receipt.FileId,
    );
    const [known] = running.sessions();
    assert.deepEqual([known?.commits, known?.repeats, known?.fileId], [1, 1, receipt.FileId]);
    assert.deepEqual(running.openUploads(), []);
    const { TaskSet } = await vod<{ TaskSet: unknown[] }>(running, 'DescribeTasks', {
      FileId: receipt.FileId,
    });
    assert.equal(TaskSet.length, 1);
    for (const name of ['keys.json', 'state.jsonl']) {
      assert.equal((await stat(join(home, '.sandbox', name))).mode & 0o777, 0o600);
    }
  } finally {
    await running.close();
  }
});
