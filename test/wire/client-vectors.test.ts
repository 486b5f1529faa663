import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCrc64 } from '../../src/cos/crc64.js';
import { encodeKey } from '../../src/cos/host.js';
import { loadCosSignature } from '../../src/cos/sdk.js';
import { CONTENT_TYPE, signTc3, type Tc3Input } from '../../src/vod/tc3.js';
import { vectors } from '../helpers/vectors.js';

for (const { text, crc64: expected } of vectors<{ text: string; crc64: string }[]>('crc64')) {
  test(`the CRC-64 of "${text}" is what the service documents`, () => {
    const crc64 = createCrc64();
    crc64.update(Buffer.from(text));
    assert.equal(String(crc64.digest()), expected);
  });
}

test('a call of VOD is signed as published', () => {
  const { body, contentType, authorization, ...input } = vectors<
    Omit<Tc3Input, 'body'> & { body: string; contentType: string; authorization: string }
  >('tc3');
  assert.equal(contentType, CONTENT_TYPE);
  assert.equal(signTc3({ ...input, body: Buffer.from(body) }), authorization);
});

interface CosVector {
  readonly name: string;
  readonly secretId: string;
  readonly secretKey: string;
  readonly keyTime: string;
  readonly method: 'PUT';
  readonly path: string;
  readonly query: string;
  readonly headers: Record<string, string>;
  readonly signature: string;
  readonly wirePath?: string;
}

for (const vector of vectors<CosVector[]>('cos-signature')) {
  test(`a request of COS is signed and written as published: ${vector.name}`, async () => {
    const getAuthorization = await loadCosSignature();
    const key = vector.path.slice(1);
    const authorization = getAuthorization({
      SecretId: vector.secretId,
      SecretKey: vector.secretKey,
      Method: vector.method,
      Key: key,
      Query: Object.fromEntries(new URLSearchParams(vector.query)),
      Headers: vector.headers,
      KeyTime: vector.keyTime,
    });
    assert.equal(/q-signature=(\w+)$/.exec(authorization)?.[1], vector.signature);
    if (vector.wirePath !== undefined) assert.equal(`/${encodeKey(key)}`, vector.wirePath);
  });
}
