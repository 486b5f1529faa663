import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { Outcome } from '../../src/core/model.js';
import { createVerdict } from '../../src/pipeline/verdict.js';
import { failed, job, uploaded } from '../helpers/outcomes.js';

const held: Outcome = {
  status: 'skipped',
  path: 'a',
  job: job('a'),
  reason: 'held-by-other-run',
};
const interrupted: Outcome = { status: 'interrupted', path: 'a', job: job('a') };
const unknown: Outcome = {
  status: 'unknown',
  path: 'a',
  failure: new UploadFailure('commit-unknown', ''),
};

/** What happens, whether a limit was reached, and the exit code; worst first. */
const rows: readonly (readonly [readonly Outcome[], boolean, number])[] = [
  [[failed('a', 'bad-credentials'), unknown, interrupted], true, 5],
  [[unknown, failed('a', 'source-invalid'), interrupted], true, 9],
  [[interrupted, uploaded('a')], true, 6],
  [[failed('a', 'source-invalid'), failed('a', 'network'), held], true, 6],
  [[failed('a', 'source-invalid'), failed('a', 'network'), held], false, 3],
  [[failed('a', 'network'), held], false, 8],
  [[held, uploaded('a')], true, 7],
  [[uploaded('a')], true, 0],
];
for (const [outcomes, isStopped, code] of rows) {
  const shown = outcomes.map((outcome) =>
    'failure' in outcome ? outcome.failure.code : outcome.status,
  );
  test(`${shown.join(', ')}${isStopped ? ', and a limit was reached' : ''}: exit ${code}`, () => {
    const verdict = createVerdict();
    outcomes.forEach((outcome) => verdict.note(outcome));
    if (isStopped) verdict.stopped();
    assert.equal(verdict.exitCode(false), code);
  });
}

test('a limit that keeps a part of the plan from being known has stopped something: exit 6', () => {
  const verdict = createVerdict();
  verdict.stopped();
  verdict.note(uploaded('a'));
  verdict.cutShort();
  assert.equal(verdict.exitCode(false), 6);
});
