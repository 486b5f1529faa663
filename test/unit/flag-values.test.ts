import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeout, timerDuration } from '../../src/cli/flag-values.js';

test('a time-out is one that a timer can wait for, and not too short', () => {
  assert.equal(timeout('100ms'), 100);
  assert.equal(timeout('24d'), 24 * 86_400_000);
  // A timer that is to wait for longer does not wait at all.
  for (const bad of ['99ms', '25d', '498d']) assert.throws(() => timeout(bad), /from 100ms to 24d/);
});

test('any other timer waits for a millisecond at least', () => {
  assert.equal(timerDuration('1ms'), 1);
  for (const bad of ['0s', '25d']) assert.throws(() => timerDuration(bad), /from 1ms to 24d/);
});
