import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSecrets } from '../../src/net/without-secrets.js';

const REQUEST = {
  'Content-Length': 5,
  Authorization: 'q-ak=AKID&q-signature=0123abcd',
  'x-cos-security-token': 'TOKEN',
};

test('an answer that repeats the token and signature of its request does not tell them', () => {
  const answer = {
    status: 400,
    headers: { 'x-cos-request-id': 'id-TOKEN' },
    body: Buffer.from('<Message>AKID: TOKEN, 0123abcd, ü</Message>'),
  };
  const { status, headers, body } = withoutSecrets(answer, REQUEST);
  assert.equal(status, 400);
  assert.deepEqual(headers, { 'x-cos-request-id': 'id-***' });
  assert.equal(body.toString(), '<Message>AKID: ***, ***, ü</Message>');
});

test('an answer that repeats no secret stays as it came', () => {
  const answer = { status: 200, headers: {}, body: Buffer.from('5') };
  assert.equal(withoutSecrets(answer, REQUEST), answer);
});
