import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { createFirstCallGate } from '../../src/vod/first-call.js';

/** Calls that end when told so. */
function calls(count: number, signal = new AbortController().signal) {
  const throughGate = createFirstCallGate();
  const underWay: { succeed(): void; fail(error: Error): void }[] = [];
  const ends = Array.from({ length: count }, () =>
    throughGate(
      () =>
        new Promise<void>((succeed, fail) => {
          underWay.push({ succeed, fail });
        }),
      signal,
    ).then(
      () => 'done',
      (error: Error) => (error instanceof UploadFailure ? error.code : error.message),
    ),
  );
  const settle = async (): Promise<number> => {
    await new Promise(setImmediate);
    return underWay.length;
  };
  return { underWay, ends, settle };
}

test('the first call goes alone; once it has succeeded all others go at the same time', async () => {
  const { underWay, ends, settle } = calls(100);
  assert.equal(await settle(), 1);
  underWay[0]?.succeed();
  assert.equal(await settle(), 100);
  underWay.forEach(({ succeed }) => succeed());
  assert.deepEqual(new Set(await Promise.all(ends)), new Set(['done']));
});

test('wrong keys cost one call, and are the answer to all', async () => {
  const { underWay, ends, settle } = calls(100);
  await settle();
  underWay[0]?.fail(new UploadFailure('bad-credentials', 'no such key'));
  assert.deepEqual(new Set(await Promise.all(ends)), new Set(['bad-credentials']));
  assert.equal(underWay.length, 1);
});

test('a failure of the moment lets the others go, at the same time', async () => {
  const { underWay, settle } = calls(100);
  await settle();
  underWay[0]?.fail(new UploadFailure('network', 'reset'));
  assert.equal(await settle(), 100);
});

test('after a call that was given up the next goes alone', async () => {
  const { underWay, settle } = calls(100);
  await settle();
  underWay[0]?.fail(new Error('aborted'));
  assert.equal(await settle(), 2);
  underWay[1]?.succeed();
  assert.equal(await settle(), 100);
});

test('an abort is obeyed while another call is waited for', async () => {
  const controller = new AbortController();
  const { ends } = calls(2, controller.signal);
  controller.abort(new Error('enough'));
  assert.equal(await ends[1], 'enough');
});
