import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { createRetryBudget, withRetries, type RetryBudget } from '../../src/net/retry.js';

const lost = (): UploadFailure => new UploadFailure('network', 'connection reset');
const refused = (): UploadFailure => new UploadFailure('bad-request', 'no');
const never = new AbortController().signal;

function budgetAt(clock: { ms: number }): RetryBudget {
  return createRetryBudget(100, () => clock.ms);
}

function failTimes(budget: RetryBudget, times: number): void {
  for (let done = 0; done < times; done++) budget.failed(lost());
}

function attempts(budget: RetryBudget, retries: number, failures: UploadFailure[]) {
  let made = 0;
  const done = withRetries(
    async () => {
      made += 1;
      const failure = failures.shift();
      if (failure) throw failure;
    },
    { retries, budget, random: () => 0 },
    () => undefined,
    never,
  );
  return { done, made: () => made };
}

test('a service that only fails is given up once the patience is over', () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  failTimes(budget, 10);
  clock.ms = 99_999;
  assert.equal(budget.exhausted(), undefined);
  clock.ms = 100_000;
  assert.equal(budget.exhausted()?.code, 'network');
});

test('a success, and a refusal too, shows that the service is there', () => {
  for (const sign of ['succeeded', 'refused']) {
    const clock = { ms: 0 };
    const budget = budgetAt(clock);
    failTimes(budget, 10);
    clock.ms = 200_000;
    if (sign === 'succeeded') budget.succeeded();
    else budget.failed(refused());
    assert.equal(budget.exhausted(), undefined, sign);
    failTimes(budget, 10);
    assert.equal(budget.exhausted(), undefined, `${sign}: the patience begins anew`);
  }
});

test('two requests that took hours each are no reason to give up', () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  failTimes(budget, 1);
  clock.ms = 7_200_000;
  failTimes(budget, 1);
  assert.equal(budget.exhausted(), undefined);
});

test('of a service that is given up nothing more is asked', async () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  failTimes(budget, 5);
  clock.ms = 100_000;
  const { done, made } = attempts(budget, 6, []);
  await assert.rejects(done, { code: 'network', message: /given up.*connection reset/ });
  assert.equal(made(), 0);
});

test('--retries 0 means one attempt, besides those for which nobody is to blame', async () => {
  const plain = attempts(createRetryBudget(100), 0, [lost(), lost()]);
  await assert.rejects(plain.done, { code: 'network' });
  assert.equal(plain.made(), 1);
  const stale = new UploadFailure('network', 'stale', { repeatAtOnce: true });
  const free = attempts(createRetryBudget(100), 0, [stale]);
  await free.done;
  assert.equal(free.made(), 2);
});

test('so many retries as are allowed, and no more', async () => {
  const { done, made } = attempts(createRetryBudget(100), 2, [lost(), lost(), lost(), lost()]);
  await assert.rejects(done, { code: 'network' });
  assert.equal(made(), 3);
});
