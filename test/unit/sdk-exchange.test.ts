import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { throughSdk } from '../../src/net/sdk-exchange.js';

/** An SDK that makes its request once more where that fails. */
async function ask(agent: http.Agent): Promise<unknown> {
  const attempt = async () => once(http.get({ host: 'a', agent }), 'response');
  return attempt().catch(attempt);
}

test('what the SDK cannot read is the failure of the call, which may have done its work, and is asked for once', async () => {
  let asked = 0;
  const transport = async () => {
    asked += 1;
    // More than Node's own reader takes.
    return { status: 200, headers: { a: 'b'.repeat(17_000) }, body: Buffer.alloc(0) };
  };
  await assert.rejects(throughSdk(transport, ask), (error) => {
    assert.ok(error instanceof UploadFailure);
    return error.code === 'not-the-service' && error.facts.ambiguous === true;
  });
  assert.equal(asked, 1);
});

test('a request that fails is not made again by the SDK', async () => {
  let asked = 0;
  const transport = async () => {
    asked += 1;
    throw new UploadFailure('network', 'gone');
  };
  await assert.rejects(throughSdk(transport, ask), { code: 'network' });
  assert.equal(asked, 1);
});
