import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { UploadFailure } from '../../src/core/errors.js';
import { createPacer } from '../../src/net/pacer.js';
import { createThrottle } from '../../src/net/throttle.js';
import { backoffMs, createRetryBudget, waitBefore } from '../../src/net/retry.js';

const never = new AbortController().signal;

/** Whoever need not wait has gone on by then. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1) await Promise.resolve();
}

test('a pacer lets through no more than its rate in any second, however calls arrive', async () => {
  const arrivals = fc.array(fc.nat(200), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 4, max: 100 }), arrivals, async (rate, gaps) => {
      mock.timers.enable({ apis: ['setTimeout'] });
      try {
        let nowMs = 0;
        const pacer = createPacer(rate, () => nowMs);
        const wentAtMs: number[] = [];
        const going: Promise<unknown>[] = [];
        const pass = async (ms: number): Promise<void> => {
          for (const until = nowMs + ms; nowMs < until;) {
            nowMs += 1;
            mock.timers.tick(1);
            await settled();
          }
        };
        for (const gap of gaps) {
          await pass(gap);
          going.push(pacer.take(never).then(() => wentAtMs.push(nowMs)));
          await settled();
        }
        while (wentAtMs.length < gaps.length) await pass(1);
        await Promise.all(going);
        wentAtMs.forEach((atMs, index) => {
          const inSecond = wentAtMs.filter((other, at) => at >= index && other < atMs + 1000);
          assert.ok(inSecond.length <= rate, `${inSecond.join()} at rate ${rate}`);
        });
      } finally {
        mock.timers.reset();
      }
    }),
    { numRuns: 15 },
  );
});

test('whoever came while the service complained goes at the pace of his turn, not of that time', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let [nowMs, went] = [0, 0];
    const pacer = createPacer(50, () => nowMs);
    for (; went < 250 && nowMs < 200_000; nowMs += 10) {
      if (nowMs < 10_000 && nowMs % 500 === 0) pacer.slowDown();
      if (nowMs < 10_000 && nowMs % 40 === 0) void pacer.take(never).then(() => (went += 1));
      mock.timers.tick(10);
      await settled();
    }
    // It takes 33 s to come back from the slowest pace to 50 calls a second.
    assert.ok(nowMs < 45_000, `${nowMs} ms`);
  } finally {
    mock.timers.reset();
  }
});

test('whoever is called off leaves his turn to the next one, and no timer behind', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let nowMs = 0;
    const pacer = createPacer(1, () => nowMs);
    await pacer.take(never);
    const ending = new AbortController();
    const off = [1, 2, 3].map(() => pacer.take(ending.signal));
    let hasGone = false;
    void pacer.take(never).then(() => (hasGone = true));
    ending.abort(new Error('over'));
    for (const one of off) await assert.rejects(one, /over/);
    for (; nowMs < 1100; nowMs += 10) {
      mock.timers.tick(10);
      await settled();
    }
    assert.ok(hasGone);
  } finally {
    mock.timers.reset();
  }
});

test('a pace that was slowed down comes back to its limit, and never over it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.nat(5000), { maxLength: 20 }),
      (limit, gaps) => {
        let nowMs = 0;
        const pacer = createPacer(limit, () => nowMs);
        for (const gap of gaps) {
          nowMs += gap;
          pacer.slowDown();
          assert.ok(pacer.rate > 0 && pacer.rate <= limit);
        }
        nowMs += 60_000;
        void pacer.take(never);
        assert.equal(pacer.rate, limit);
      },
    ),
  );
});

test('a wait before the n-th repetition is between nothing and a ceiling of at most 20 s', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), random, (attempt, share) => {
      const waitMs = backoffMs(attempt, share);
      const ceilingMs = Math.min(20_000, 250 * 2 ** (attempt - 1));
      assert.ok(waitMs >= 0 && waitMs <= ceilingMs);
      assert.ok(backoffMs(attempt + 1, share) >= waitMs);
    }),
  );
});

test('as long as the service asks for is waited, but no more than two minutes', () => {
  const policy = { retries: 6, budget: createRetryBudget(1e9, 1e9), random: () => 0 };
  for (const [retryAfterMs, waitMs] of [
    [0, 0],
    [90_000, 90_000],
    [86_400_000, 120_000],
  ] as const) {
    const failure = new UploadFailure('throttled', 'slow down', { retryAfterMs });
    assert.equal(waitBefore(failure, 1, policy), waitMs);
  }
});

test('a complaint never raises the rate', () => {
  for (const limit of [0.1, 0.7, 50]) {
    const pacer = createPacer(limit);
    pacer.slowDown();
    assert.ok(pacer.rate <= limit, `${pacer.rate} of ${limit}`);
  }
});

test('a throttle tells how long it held anything back, whatever its rate is in the end', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let nowMs = 1000;
    let rate: number | undefined = 1000;
    const throttle = createThrottle(
      () => rate,
      () => nowMs,
    );
    await throttle.take(1050, never);
    const both = Promise.all([throttle.take(1000, never), throttle.take(1000, never)]);
    for (let second = 0; second < 2; second += 1) {
      nowMs += 1000;
      mock.timers.tick(1000);
      await settled();
    }
    await both;
    rate = undefined;
    nowMs += 5000;
    await throttle.take(1000, never);
    assert.equal(throttle.heldMs, 2000);
  } finally {
    mock.timers.reset();
  }
});
