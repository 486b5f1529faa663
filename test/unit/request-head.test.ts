import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { requestHead } from '../../src/net/request-head.js';
import type { HttpRequest } from '../../src/net/request.js';

const REQUEST = { method: 'GET', path: '/', host: 'a', headers: {} } as unknown as HttpRequest;

test('every request asks for an answer that nothing has compressed, whatever an SDK asks for', () => {
  const headers = { 'accept-encoding': 'gzip, deflate', 'x-tc-action': 'ApplyUpload' };
  const head = requestHead({ ...REQUEST, headers });
  assert.deepEqual(head.match(/^accept-encoding.*$/gim), ['Accept-Encoding: identity']);
  assert.match(head, /^x-tc-action: ApplyUpload$/m);
});

for (const [what, changes] of [
  ['the header x-cos-security-token', { headers: { 'x-cos-security-token': 'a\r\nHost: b' } }],
  ['the header a:b', { headers: { 'a:b': 'c' } }],
  ['the method', { method: 'GET /' }],
  ['the path', { path: '/ HTTP/1.1\r\nHost: b' }],
  ['the host', { host: 'a\r\nHost: b' }],
] as const) {
  test(`a request is refused where ${what} would break it`, () => {
    assert.throws(
      () => requestHead({ ...REQUEST, ...changes }),
      (error) => {
        assert.ok(error instanceof UploadFailure);
        assert.ok(error.message.startsWith(`${what} has`), error.message);
        return error.code === 'bad-request';
      },
    );
  });
}
