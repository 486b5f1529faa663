import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { Failed, Job } from '../../src/core/model.js';
import { createSecondTries } from '../../src/pipeline/second-tries.js';

const MINUTE_MS = 60_000;

/** A job that failed for a reason that may pass, after so many bytes were sent. */
function failed(name: string, bytesSent: number, retryAfterMs?: number): [Job, Failed] {
  const job = { id: name } as unknown as Job;
  const facts = retryAfterMs === undefined ? {} : { retryAfterMs };
  const failure = new UploadFailure('network', 'gone', facts);
  const effort = { bytesSent, bytesResumed: 0 };
  return [job, { status: 'failed', path: name, job, failure, effort } as unknown as Failed];
}

test('what is stored of a job is gone on with before its certificate is over, once', () => {
  let nowMs = 0;
  const stop = new AbortController();
  const tries = createSecondTries(false, stop.signal, () => nowMs);
  const early = (): string[] => tries.early().map(({ job }) => job.id);
  for (const [name, bytes, retryAfterMs] of [
    ['stored', 1, undefined],
    ['empty', 0, undefined],
    ['left alone', 1, 2 * MINUTE_MS],
  ] as const) {
    assert.ok(tries.keep(...failed(name, bytes, retryAfterMs)));
    nowMs += MINUTE_MS;
  }
  assert.deepEqual(early(), []);
  nowMs = 15 * MINUTE_MS;
  assert.deepEqual(early(), ['stored']);
  assert.deepEqual(early(), []);
  nowMs = 17 * MINUTE_MS;
  assert.deepEqual(early(), ['left alone']);
  assert.ok(tries.keep(...failed('later', 1)));
  nowMs += 60 * MINUTE_MS;
  stop.abort();
  assert.deepEqual(early(), []);
});
