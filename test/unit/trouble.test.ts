import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure, type FailureCode } from '../../src/core/errors.js';
import { createTroubleDetector, type TroubleDetector } from '../../src/cos/trouble.js';

const failure = (code: FailureCode): UploadFailure => new UploadFailure(code, 'no');

const isTrouble = (detector: TroubleDetector, code: FailureCode): boolean =>
  detector.trouble(failure(code)) > 0;

function serve(detector: TroubleDetector, requests: number): void {
  for (let request = 0; request < requests; request++) detector.served();
}

test('SlowDown and silence ask for fewer connections, a lone 5xx does not, two at once do', () => {
  let at = 0;
  const detector = createTroubleDetector(() => at);
  assert.equal(isTrouble(detector, 'throttled'), true);
  assert.equal(isTrouble(detector, 'stalled'), true);
  assert.equal(isTrouble(detector, 'network'), false);
  assert.equal(isTrouble(detector, 'service-unavailable'), false);
  at += 2000;
  assert.equal(isTrouble(detector, 'service-unavailable'), false);
  at += 500;
  assert.equal(isTrouble(detector, 'service-unavailable'), true);
});

test('one refusal in twenty-one requests is no trouble, and a storm is, however much was served before', () => {
  const detector = createTroubleDetector();
  for (let round = 0; round < 10; round++) {
    serve(detector, 21);
    assert.equal(isTrouble(detector, 'throttled'), false);
  }
  serve(detector, 10_000);
  const storm = Array.from({ length: 4 }, () => isTrouble(detector, 'throttled'));
  assert.deepEqual(storm, [false, false, true, true]);
  serve(detector, 10);
  assert.equal(isTrouble(detector, 'throttled'), true);
});

test('trouble tells the share of the latest requests that was refused', () => {
  const detector = createTroubleDetector();
  const refuse = (): number => detector.trouble(failure('throttled'));
  assert.ok(refuse() < 0.2, 'the first of all is bad luck');
  for (let request = 0; request < 20; request++) refuse();
  assert.ok(refuse() > 0.5);
  let few = 0;
  for (let request = 0; request < 60; request++) {
    serve(detector, 7);
    few = Math.max(few, request < 30 ? 0 : refuse());
  }
  assert.ok(few > 0.1 && few < 0.2, String(few));
  for (let request = 0; request < 60; request++) refuse();
  assert.ok(refuse() > 0.8);
  assert.equal(detector.trouble(failure('stalled')), 1);
});

test('what was served does not make up for silence', () => {
  const detector = createTroubleDetector();
  serve(detector, 100);
  assert.equal(isTrouble(detector, 'stalled'), true);
});
