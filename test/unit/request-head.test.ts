import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestHead } from '../../src/net/request-head.js';
import type { HttpRequest } from '../../src/net/request.js';

test('every request asks for an answer that nothing has compressed, whatever an SDK asks for', () => {
  const headers = { 'accept-encoding': 'gzip, deflate', 'x-tc-action': 'ApplyUpload' };
  const head = requestHead({
    method: 'GET',
    path: '/',
    host: 'a',
    headers,
  } as unknown as HttpRequest);
  assert.deepEqual(head.match(/^accept-encoding.*$/gim), ['Accept-Encoding: identity']);
  assert.match(head, /^x-tc-action: ApplyUpload$/m);
});
