import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPartSlots, type PartSlots } from '../../src/pipeline/part-slots.js';
import { hold, steer } from '../../src/pipeline/steer.js';

/** Slots of which so many are active, and whatever else there is waits. */
function busySlots(limit: number, active: number): PartSlots {
  const slots = createPartSlots(limit);
  return {
    adjust: slots.adjust,
    get rules() {
      return slots.rules;
    },
    active,
    waiting: 1,
  } as PartSlots;
}

test('a service that refuses the more is obeyed at once, though it has complained a moment ago', () => {
  const slots = busySlots(32, 32);
  const traffic = { acknowledgedBytes: () => 0, unanswered: () => 0, heldBack: () => 0 };
  const steering = steer(slots, traffic, 64);
  steering.slowDown(0.1);
  assert.deepEqual([slots.rules.limit, slots.rules.isBraking], [32, false]);
  steering.slowDown(0.5);
  assert.deepEqual([slots.rules.limit, slots.rules.isBraking], [16, true]);
  steering.slowDown(0.6);
  assert.equal(slots.rules.limit, 16, 'requests of one moment complain together');
  steering.stop();
});

test('connections that are back are not held for a complaint of the moment before', async () => {
  const slots = busySlots(2, 2);
  const traffic = { acknowledgedBytes: () => 0, unanswered: () => 0, heldBack: () => 0 };
  const steering = steer(slots, traffic, 2);
  steering.slowDown(1);
  await new Promise((resolve) => setTimeout(resolve, 850));
  assert.deepEqual([slots.rules.limit, slots.rules.isBraking], [2, false]);
  steering.slowDown(1);
  assert.equal(slots.rules.isBraking, false);
  steering.stop();
});

test('a number that the user has chosen stays; what waits keeps its connection while most is refused', () => {
  const slots = createPartSlots(16);
  const steering = hold(slots);
  const brakes = [0.1, 0.5, 1, 0.1].map((refused) => {
    steering.slowDown(refused);
    return slots.rules.isBraking;
  });
  assert.deepEqual(brakes, [false, true, true, false]);
  assert.equal(slots.rules.limit, 16);
});

test('what waits gives its connection away again once nobody complains any more', async () => {
  const slots = createPartSlots(16);
  const steering = hold(slots);
  steering.slowDown(1);
  await new Promise((resolve) => setTimeout(resolve, 2200));
  assert.equal(slots.rules.isBraking, false);
  steering.stop();
});

test('connections that a rate limit holds back get no more beside them', async () => {
  const most = async (waiting: number): Promise<number> => {
    // Each new connection brings as much again.
    const slots = busySlots(2, 64);
    let [moved, at] = [0, performance.now()];
    const acknowledgedBytes = (): number => {
      moved += slots.rules.limit * 1000 * (performance.now() - at);
      at = performance.now();
      return moved;
    };
    const traffic = { acknowledgedBytes, unanswered: () => 0, heldBack: () => waiting };
    const steering = steer(slots, traffic, 64);
    // Steering does not keep a process alive.
    await new Promise((resolve) => setTimeout(resolve, 600));
    steering.stop();
    return slots.rules.limit;
  };
  assert.deepEqual(await Promise.all([most(32), most(31)]), [2, 64]);
});

test('a busy process looks less often at what has moved where each look takes long', async () => {
  const work = (ms: number): void => {
    for (const until = performance.now() + ms; performance.now() < until;);
  };
  const looksOf = async (isBusy: boolean): Promise<number> => {
    let [moved, looks, isOver] = [0, 0, false];
    const acknowledgedBytes = (): number => {
      work(5);
      looks += 1;
      return (moved += 1);
    };
    const traffic = { acknowledgedBytes, unanswered: () => 0, heldBack: () => 0 };
    const steering = steer(busySlots(2, 64), traffic, 64);
    const spin = (): void => {
      work(1);
      if (!isOver) setImmediate(spin);
    };
    if (isBusy) spin();
    await new Promise((resolve) => setTimeout(resolve, 700));
    isOver = true;
    steering.stop();
    return looks;
  };
  const free = await looksOf(false);
  const busy = await looksOf(true);
  assert.ok(busy >= 1 && busy <= 4 && busy < free, `${busy} and ${free} looks`);
});

test('connections that all wait for answers are 64 at once, though nothing moves meanwhile', async () => {
  const slots = busySlots(2, 64);
  const traffic = { acknowledgedBytes: () => 0, unanswered: () => 64, heldBack: () => 0 };
  const steering = steer(slots, traffic, 64);
  assert.equal(slots.rules.expected, 8);
  await new Promise((resolve) => setTimeout(resolve, 300));
  steering.stop();
  assert.deepEqual([slots.rules.limit, slots.rules.expected], [64, 64]);
});
