import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import {
  assertNotGivenUp,
  createRetryBudget,
  withRetries,
  type RetryBudget,
} from '../../src/net/retry.js';

const lost = (): UploadFailure => new UploadFailure('network', 'connection reset');
const refused = (): UploadFailure => new UploadFailure('bad-request', 'no', { requestId: 'id' });
const never = new AbortController().signal;

function budgetAt(clock: { ms: number }): RetryBudget {
  return createRetryBudget(100_000, 60_000, () => clock.ms);
}

const patient = (): RetryBudget => createRetryBudget(100_000, 60_000);

/** So many failures, the latest after this time. */
function failFor(budget: RetryBudget, clock: { ms: number }, ms: number, times = 10): void {
  const since = clock.ms;
  for (let done = 0; done < times; done++) {
    clock.ms = since + (ms * done) / (times - 1);
    budget.failed(lost());
  }
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
  failFor(budget, clock, 99_999);
  assert.equal(budget.exhausted(), undefined);
  clock.ms = 100_000;
  budget.failed(lost());
  assert.equal(budget.exhausted()?.code, 'network');
});

test('a success, and a refusal too, shows that the service is there', () => {
  for (const sign of ['succeeded', 'refused']) {
    const clock = { ms: 0 };
    const budget = budgetAt(clock);
    failFor(budget, clock, 200_000);
    assert.ok(budget.exhausted());
    if (sign === 'succeeded') budget.succeeded();
    else budget.failed(refused());
    assert.equal(budget.exhausted(), undefined, sign);
    failFor(budget, clock, 90_000);
    assert.equal(budget.exhausted(), undefined, `${sign}: the patience begins anew`);
  }
});

test('a file that cannot be read shows nothing of the service', () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  failFor(budget, clock, 100_000);
  for (const code of ['read-error', 'source-changed'] as const) {
    budget.failed(new UploadFailure(code, 'no answer'));
    assert.equal(budget.exhausted()?.code, 'network');
  }
});

test('failures of long ago are over, even where nothing has come to its end since', () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  failFor(budget, clock, 1000);
  clock.ms = 108_000;
  assert.equal(budget.exhausted(), undefined);
  budget.failed(lost());
  assert.equal(budget.exhausted(), undefined);
  // What is begun a minute after the service was given up may find it back.
  failFor(budget, clock, 100_000);
  assert.ok(budget.exhausted());
  clock.ms += 60_001;
  assert.equal(budget.exhausted(), undefined);
});

test('two requests that took hours each are no reason to give up', () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  failFor(budget, clock, 7_200_000, 2);
  assert.equal(budget.exhausted(), undefined);
});

test('of a service that is given up nothing more is asked', async () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  failFor(budget, clock, 100_000, 5);
  const { done, made } = attempts(budget, 6, []);
  await assert.rejects(done, { code: 'network', message: /given up.*connection reset/ });
  assert.equal(made(), 0);
});

test('a request that finds its service given up is not repeated', async () => {
  const clock = { ms: 0 };
  let made = 0;
  const done = withRetries(
    async () => {
      made += 1;
      clock.ms += 30_000;
      throw lost();
    },
    { retries: 20, budget: budgetAt(clock), random: () => 0 },
    () => undefined,
    never,
  );
  await assert.rejects(done, { code: 'network' });
  assert.equal(made, 5);
});

test('what a service that is given up said last, and its remedy, is told of all that is left', () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  const facts = { serviceCode: 'SlowDown', hint: 'Use fewer connections.', ambiguous: true };
  failFor(budget, clock, 100_000);
  budget.failed(new UploadFailure('throttled', 'SlowDown', facts));
  assert.throws(
    () => assertNotGivenUp(budget),
    (error) => {
      assert.ok(error instanceof UploadFailure);
      assert.equal(error.hint, facts.hint);
      assert.equal(error.facts.serviceCode, facts.serviceCode);
      // Nothing was asked of it.
      return error.facts.ambiguous === false;
    },
  );
});

test('--retries 0 means one attempt, besides those for which nobody is to blame', async () => {
  const plain = attempts(patient(), 0, [lost(), lost()]);
  await assert.rejects(plain.done, { code: 'network' });
  assert.equal(plain.made(), 1);
  const stale = new UploadFailure('network', 'stale', { repeatAtOnce: true });
  const free = attempts(patient(), 0, [stale]);
  await free.done;
  assert.equal(free.made(), 2);
});

test('so many retries as are allowed, and no more', async () => {
  const { done, made } = attempts(patient(), 2, [lost(), lost(), lost(), lost()]);
  await assert.rejects(done, { code: 'network' });
  assert.equal(made(), 3);
});

test('nobody waits for a service that has been well for two seconds', async () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  let made = 0;
  const startedAt = performance.now();
  const done = withRetries(
    async () => {
      made += 1;
      if (made <= 6) throw lost();
    },
    // The last wait is to be eight seconds.
    { retries: 6, budget, random: () => (made < 6 ? 0 : 0.99) },
    () => undefined,
    never,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(made, 6);
  clock.ms += 1999;
  budget.succeeded();
  assert.equal(budget.isCalm(), false);
  clock.ms += 1;
  assert.equal(budget.isCalm(), true);
  await done;
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 4000, `${tookMs} ms`);
});

test('a service that only asks to be left alone for longer than the gap is given up all the same', () => {
  const clock = { ms: 0 };
  const budget = budgetAt(clock);
  for (let round = 0; round < 5; round++) {
    assert.equal(budget.exhausted(), undefined);
    budget.failed(new UploadFailure('throttled', 'later', { retryAfterMs: 90_000 }));
    clock.ms += 90_000;
  }
  assert.equal(budget.exhausted()?.code, 'throttled');
});
