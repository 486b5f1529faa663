import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure, type FailureCode } from '../../src/core/errors.js';
import { createTroubleDetector, type TroubleDetector } from '../../src/cos/trouble.js';

const failure = (code: FailureCode): UploadFailure => new UploadFailure(code, 'no');

function serve(detector: TroubleDetector, requests: number): void {
  for (let request = 0; request < requests; request++) detector.served();
}

test('SlowDown and silence ask for fewer connections, a lone 5xx does not, two at once do', () => {
  let at = 0;
  const detector = createTroubleDetector(() => at);
  assert.equal(detector.isTrouble(failure('throttled')), true);
  assert.equal(detector.isTrouble(failure('stalled')), true);
  assert.equal(detector.isTrouble(failure('network')), false);
  assert.equal(detector.isTrouble(failure('service-unavailable')), false);
  at += 2000;
  assert.equal(detector.isTrouble(failure('service-unavailable')), false);
  at += 500;
  assert.equal(detector.isTrouble(failure('service-unavailable')), true);
});

test('one refusal in twenty-one requests is no trouble, and a storm is, however much was served before', () => {
  const detector = createTroubleDetector();
  for (let round = 0; round < 10; round++) {
    serve(detector, 21);
    assert.equal(detector.isTrouble(failure('throttled')), false);
  }
  serve(detector, 10_000);
  const storm = Array.from({ length: 4 }, () => detector.isTrouble(failure('throttled')));
  assert.deepEqual(storm, [false, false, true, true]);
  serve(detector, 10);
  assert.equal(detector.isTrouble(failure('throttled')), true);
});

test('what was served does not make up for silence', () => {
  const detector = createTroubleDetector();
  serve(detector, 100);
  assert.equal(detector.isTrouble(failure('stalled')), true);
});
