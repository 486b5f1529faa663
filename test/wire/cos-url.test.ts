import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeKey, encodeQuery } from '../../src/cos/host.js';

test('a query goes over the wire as the signature has it: a space is no plus', () => {
  const query = { partNumber: '1', uploadId: "a b+c/d='(e)~ü" };
  assert.equal(encodeQuery(query), 'partNumber=1&uploadId=a%20b%2Bc%2Fd%3D%27%28e%29~%C3%BC');
  assert.equal(encodeQuery({}), '');
});

test('an object key keeps its slashes', () => {
  assert.equal(encodeKey('a b/c+d.mp4'), 'a%20b/c%2Bd.mp4');
});
