import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { checkClientSignature } from '../../src/sandbox/client-service.js';
import { checkCosSignature, parseCosSignature } from '../../src/sandbox/cos-signature.js';
import { createCrc64, joinCrc64 } from '../../src/sandbox/crc64.js';
import { parseQuery, ServiceError } from '../../src/sandbox/exchange.js';
import { checkTc3 } from '../../src/sandbox/vod-signature.js';
import { vectors } from '../helpers/vectors.js';

function refusedWith(code: string) {
  return (error: unknown) => error instanceof ServiceError && error.code === code;
}

function crc64(bytes: Uint8Array): string {
  const crc = createCrc64();
  crc.update(bytes);
  return crc.decimal();
}

for (const { text, crc64: expected } of vectors<{ text: string; crc64: string }[]>('crc64')) {
  test(`the sandbox's CRC-64 of "${text}" is ${expected}`, () => {
    assert.equal(crc64(Buffer.from(text)), expected);
  });
}

test('a CRC-64 does not depend on how the bytes were cut, and pieces join to the whole', () => {
  const bytes = randomBytes(10_007);
  for (const cut of [0, 1, 7, 8, 9, 4096, 10_006, 10_007]) {
    const [a, b] = [bytes.subarray(0, cut), bytes.subarray(cut)];
    const crc = createCrc64();
    crc.update(a);
    crc.update(b);
    assert.equal(crc.decimal(), crc64(bytes));
    const pieces = [a, b].map((piece) => ({ crc64: crc64(piece), size: piece.length }));
    assert.equal(joinCrc64(pieces), crc64(bytes));
  }
});

const tc3 = vectors<Record<string, string>>('tc3');

function tc3Request(changes: Record<string, string> = {}) {
  const headers = {
    authorization: tc3['authorization'] ?? '',
    'content-type': tc3['contentType'] ?? '',
    host: tc3['host'] ?? '',
    'x-tc-timestamp': String(tc3['timestamp']),
    ...changes,
  };
  return { method: 'POST', rawQuery: '', headers, body: Buffer.from(tc3['body'] ?? '') };
}

const tc3Keys = { secretId: tc3['secretId'] ?? '', secretKey: tc3['secretKey'] ?? '' };
const tc3Ms = Number(tc3['timestamp']) * 1000;

test('the published TC3 signature is accepted, with the port in Host or without', () => {
  checkTc3(tc3Request(), tc3Keys, tc3Ms);
  checkTc3(tc3Request({ host: `${tc3['host']}:9000` }), tc3Keys, tc3Ms);
});

const tc3Refusals: [string, Record<string, string>, number, string][] = [
  ['another host', { host: 'vod.intl.tencentcloudapi.com' }, 0, 'AuthFailure.SignatureFailure'],
  ['another content type', { 'content-type': 'text/plain' }, 0, 'AuthFailure.SignatureFailure'],
  ['no signature', { authorization: '' }, 0, 'AuthFailure.SignatureFailure'],
  ['a clock five minutes and more behind', {}, 300_001, 'AuthFailure.SignatureExpire'],
  ['a clock five minutes and more ahead', {}, -300_001, 'AuthFailure.SignatureExpire'],
  ['a token with a permanent key', { 'x-tc-token': 'x' }, 0, 'AuthFailure.TokenFailure'],
];
for (const [name, changes, laterMs, code] of tc3Refusals) {
  test(`TC3 with ${name} is ${code}`, () => {
    const check = () => checkTc3(tc3Request(changes), tc3Keys, tc3Ms + laterMs);
    assert.throws(check, refusedWith(code));
  });
}

interface CosVector {
  readonly name: string;
  readonly secretId: string;
  readonly secretKey: string;
  readonly keyTime: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Record<string, string>;
  readonly headerList: string;
  readonly paramList: string;
  readonly signature: string;
}

for (const vector of vectors<CosVector[]>('cos-signature')) {
  const authorization =
    `q-sign-algorithm=sha1&q-ak=${vector.secretId}&q-sign-time=${vector.keyTime}` +
    `&q-key-time=${vector.keyTime}&q-header-list=${vector.headerList}` +
    `&q-url-param-list=${vector.paramList}&q-signature=${vector.signature}`;
  const request = {
    method: vector.method,
    path: vector.path,
    query: parseQuery(vector.query) ?? new Map<string, string>(),
    headers: vector.headers,
  };
  test(`the published COS signature is accepted: ${vector.name}`, () => {
    checkCosSignature(request, parseCosSignature(authorization), vector.secretKey);
  });
  test(`a COS signature covers what it lists: ${vector.name}`, () => {
    const signature = parseCosSignature(authorization);
    const changes = [
      { method: 'DELETE' },
      { path: `${vector.path}x` },
      { headers: { ...vector.headers, host: 'another.cos.ap-chongqing.myqcloud.com' } },
    ];
    for (const change of changes) {
      const check = () => checkCosSignature({ ...request, ...change }, signature, vector.secretKey);
      assert.throws(check, refusedWith('SignatureDoesNotMatch'));
    }
    const query = new Map([...request.query, ['acl', '']]);
    const check = () => checkCosSignature({ ...request, query }, signature, vector.secretKey);
    assert.throws(check, refusedWith('AccessDenied'));
  });
}

interface ClientVectors {
  readonly secretId: string;
  readonly secretKey: string;
  readonly vectors: { signature: string; fields: Record<string, string> }[];
}

test('published client-upload signatures are accepted until they expire', () => {
  const { vectors: all, ...keys } = vectors<ClientVectors>('client-signature');
  for (const { signature, fields } of all) {
    const read = checkClientSignature(signature, keys, 1_700_000_000_000);
    for (const [name, value] of Object.entries(fields)) assert.equal(read.get(name), value);
    const late = () => checkClientSignature(signature, keys, 1_700_086_401_000);
    assert.throws(late, refusedWith('10010'));
    const forged = () => checkClientSignature(`A${signature.slice(1)}`, keys, 1_700_000_000_000);
    assert.throws(forged, refusedWith('10004'));
  }
});
