import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createCrc64 } from '../../src/cos/crc64.js';

const PUBLISHED: readonly (readonly [string, string])[] = [
  ['', '0'],
  ['a', '3675645893302102789'],
  ['123456789', '11051210869376104954'],
  ['[Object Content]', '16749565679157681890'],
  ['[Object Part]', '4510578591875220731'],
];

for (const [text, expected] of PUBLISHED) {
  test(`the CRC-64 of "${text}" is what the service documents`, () => {
    const crc64 = createCrc64();
    crc64.update(Buffer.from(text));
    assert.equal(String(crc64.digest()), expected);
  });
}
