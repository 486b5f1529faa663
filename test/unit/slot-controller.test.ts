import assert from 'node:assert/strict';
import { test } from 'node:test';
import { widen } from '../../src/pipeline/slot-climb.js';
import { decide, foreseen, putOff } from '../../src/pipeline/slot-controller.js';
import { initialSteering, tickMs, type SteeringState } from '../../src/pipeline/slot-state.js';
import { retreat as retreatBy } from '../../src/pipeline/slot-trouble.js';

/** After a service that is silent, or refuses everything. */
const retreat = (state: SteeringState): SteeringState => retreatBy(state, 1);

const MEGABYTE = 1000;
const yieldOf = (slots: number, megabytes: number) => ({ slots, rate: megabytes * MEGABYTE });

/** Bytes a millisecond that a link yields to so many connections. */
type Link = (connections: number) => number;

const sharedLink =
  (total: number): Link =>
  () =>
    total;
const farLink =
  (each: number, total: number): Link =>
  (connections) =>
    Math.min(total, each * connections);

/** The numbers of connections, tick after tick. */
function steered(
  link: Link,
  ticks: number,
  from: SteeringState = initialSteering(2),
  waiting = 0,
): number[] {
  const seen: number[] = [];
  let state = from;
  for (let tick = 0; tick < ticks; tick++) {
    state = decide(state, link(state.slots), waiting);
    seen.push(state.slots);
  }
  return seen;
}

/** The controller after so many ticks. */
function steeredTo(link: Link, ticks: number): SteeringState {
  let state = initialSteering(2);
  for (let tick = 0; tick < ticks; tick++) state = decide(state, link(state.slots));
  return state;
}

test('where each connection is slow, and new ones do as much, three ticks bring all', () => {
  assert.deepEqual(steered(farLink(2.5 * MEGABYTE, 125 * MEGABYTE), 4), [4, 16, 64, 64]);
});

test('where new connections do only part of what the old ones do, their number doubles', () => {
  const diminishing = (slots: number): number => 2.5 * MEGABYTE * slots ** 0.4;
  assert.deepEqual(steered(diminishing, 5), [4, 8, 16, 32, 64]);
});

test('where more connections yield nothing, they come down again and rest', () => {
  const seen = steered(sharedLink(10 * MEGABYTE), 200);
  assert.equal(Math.max(...seen), 8);
  assert.equal(seen.at(-1), 4);
});

test('where few fast connections fill the link, few are left', () => {
  const seen = steered(sharedLink(1000 * MEGABYTE), 400);
  assert.ok(Math.max(...seen) <= 8);
  assert.ok(seen.filter((slots) => slots === 4).length > 300);
});

test('where more fast connections carry more, they double while that lasts', () => {
  const seen = steered(farLink(50 * MEGABYTE, 400 * MEGABYTE), 20);
  assert.ok(seen.includes(8));
  assert.ok(Math.max(...seen) <= 16);
});

test('where few fast connections carry more than 10 Gbit/s, they are enough', () => {
  const seen = steered(farLink(400 * MEGABYTE, 10_000 * MEGABYTE), 400);
  assert.equal(Math.max(...seen), 4);
  assert.equal(seen.at(-1), 4);
});

test('a burst that does not last is no reason for more connections', () => {
  let last = 0;
  // Every change of the number is followed by one tick in which the kernels swallow much.
  const seen = steered((connections) => {
    const isNew = connections !== last && last !== 0;
    last = connections;
    return (isNew ? 3000 : 1000) * MEGABYTE;
  }, 200);
  assert.ok(Math.max(...seen) <= 8, String(Math.max(...seen)));
});

/** Its first tick shows what the kernels swallow, or what goes before the first answer is waited for. */
function beginning(burst: number, link: Link): Link {
  let isFirst = true;
  return (connections) => {
    const rate = isFirst ? burst : link(connections);
    isFirst = false;
    return rate;
  };
}

test('a first rate that does not last holds nothing up', () => {
  const slow = steered(beginning(2.3 * MEGABYTE, farLink(0.35 * MEGABYTE, 125 * MEGABYTE)), 10);
  assert.equal(slow.at(-1), 64);
  const fast = steered(beginning(80 * MEGABYTE, farLink(17 * MEGABYTE, 500 * MEGABYTE)), 15);
  assert.ok((fast.at(-1) ?? 0) >= 32, String(fast));
});

test('where a shared link begins with such a rate, it is tried once whether more do better', () => {
  for (const [burst, total] of [
    [15, 10],
    [150, 100],
  ] as const) {
    const seen = steered(beginning(burst * MEGABYTE, sharedLink(total * MEGABYTE)), 100);
    assert.deepEqual(new Set(seen), new Set([4, 8]));
  }
});

test('a rate of one moment does not keep the connections that it brought', () => {
  const resting = { ...initialSteering(8), mode: 'resting', proven: yieldOf(8, 8) } as const;
  let tick = 0;
  const seen = steered(
    () => {
      tick += 1;
      return (tick === 4 ? 24 : 8) * MEGABYTE;
    },
    50,
    resting,
  );
  assert.equal(Math.max(...seen), 20);
  assert.equal(seen.at(-1), 8);
});

const distinct = (seen: readonly number[]): number[] =>
  seen.filter((slots, index) => slots !== seen[index - 1]);

test('after trouble there are half as many, and each half second half of what is missing comes back', () => {
  const trouble = retreat({ ...initialSteering(32), mode: 'resting' });
  assert.equal(trouble.slots, 16);
  const seen = steered(farLink(2.5 * MEGABYTE, 1000 * MEGABYTE), 26, trouble);
  assert.deepEqual(distinct(seen), [16, 17, 25, 29, 31, 32]);
});

test('while the service goes on complaining connections come back one by one', () => {
  let state = retreat({ ...initialSteering(32), mode: 'resting' });
  for (let tick = 0; tick < 20; tick++) state = { ...decide(state, 1000), hasComplained: true };
  assert.equal(state.slots, 20);
});

test('a storm is no reason to come back to less than there was; trouble near that number is', () => {
  const storm = retreat(retreat(retreat({ ...initialSteering(32), mode: 'resting' })));
  assert.deepEqual([storm.slots, storm.ceiling], [4, 32]);
  const seen = steered(farLink(2.5 * MEGABYTE, 1000 * MEGABYTE), 31, storm);
  assert.deepEqual(distinct(seen), [4, 5, 19, 26, 29, 31, 32]);

  assert.equal(retreat({ ...storm, restTicks: 60 }).restTicks, 1);
  const again = retreat({ ...storm, slots: 26 });
  assert.deepEqual([again.slots, again.ceiling], [13, 26]);
});

/** At so many connections, with one request in five refused once a second. */
function refusedAFifth(link: Link, begun: SteeringState, seconds: number): number[] {
  let state = begun;
  const seen: number[] = [];
  for (let ms = 0; ms < seconds * 1000; ms += tickMs(state)) {
    const isSecond = Math.floor(ms / 1000) > Math.floor((ms - tickMs(state)) / 1000);
    if (isSecond) state = retreatBy(state, 0.2);
    state = decide(state, link(state.slots));
    seen.push(state.slots);
  }
  return seen;
}

test('where fewer connections do less, a few refusals take none away for long', () => {
  for (const mode of ['resting', 'recovering'] as const) {
    const begun: SteeringState = { ...initialSteering(64), mode, proven: yieldOf(64, 160) };
    const seen = refusedAFifth(farLink(2.5 * MEGABYTE, 1000 * MEGABYTE), begun, 60);
    assert.ok(Math.min(...seen) >= 51, seen.join(' '));
    assert.ok(seen.filter((slots) => slots === 64).length > 0.8 * seen.length, seen.join(' '));
  }
  const climbing: SteeringState = { ...initialSteering(8), proven: yieldOf(4, 0) };
  assert.equal(retreatBy(climbing, 0.2), climbing);
});

test('where fewer do as much there are as few as are served', () => {
  const begun: SteeringState = { ...initialSteering(25, 25), mode: 'resting' };
  const link = sharedLink(50 * MEGABYTE);
  assert.equal(refusedAFifth(link, { ...begun, proven: yieldOf(64, 50) }, 3).at(-1), 20);
});

test('more than a third refused is trouble like silence', () => {
  const resting: SteeringState = { ...initialSteering(32), mode: 'resting' };
  assert.deepEqual(retreatBy(resting, 0.34), retreat(resting));
});

test('a process that is busy for a moment climbs on after it; one that stays busy rests', () => {
  const climbing: SteeringState = { ...initialSteering(16), proven: yieldOf(4, 10) };
  const later = putOff(climbing, 40 * MEGABYTE);
  assert.deepEqual([later.mode, later.slots], ['climbing', 16]);
  assert.equal(decide(later, 40 * MEGABYTE).slots, 64);

  let busy = climbing;
  for (let tick = 0; tick < 20 && busy.mode === 'climbing'; tick++) {
    busy = putOff(busy, 40 * MEGABYTE);
  }
  assert.deepEqual([busy.mode, busy.slots], ['resting', 16]);
});

test('fast connections that wait for answers most of the time are no reason for caution', () => {
  const seen = (waiting: number): number => {
    let state = initialSteering(2);
    for (let tick = 0; tick < 6; tick++)
      state = decide(state, 50 * MEGABYTE * state.slots, waiting);
    return state.slots;
  };
  assert.deepEqual([seen(0), seen(0.8)], [8, 64]);
});

test('where nearly all wait for answers as many again begin, during the first climb', () => {
  const begun = initialSteering(2);
  assert.deepEqual(
    [0.5, 0.8, 1].map((waiting) => widen(begun, waiting).slots),
    [2, 4, 4],
  );
  assert.equal(widen({ ...begun, slots: 48 }, 1).slots, 64);
  assert.equal(widen(initialSteering(4, 4), 1).slots, 4);
  const disappointed = steeredTo(sharedLink(10 * MEGABYTE), 40);
  assert.equal(widen(disappointed, 1), disappointed);
  assert.equal(widen(retreat(begun), 1).slots, 1);
});

test('where more connections only wait longer for their answers, there are as few as do as much', () => {
  const atOnce = farLink(2.5 * MEGABYTE, 8 * 2.5 * MEGABYTE);
  const widened = widen(initialSteering(32), 1);
  const seen = steered(atOnce, 200, widened, 1);
  assert.equal(seen[0], 64);
  assert.deepEqual([...new Set(seen.slice(0, 15))], [64, 32, 16, 8, 4]);
  const later = seen.slice(15);
  assert.ok(Math.min(...later) >= 4 && Math.max(...later) <= 16, later.join(' '));
  assert.ok(later.filter((slots) => slots === 8).length > 0.9 * later.length, later.join(' '));
});

test('where each connection does as much as the others, that they wait is no reason for fewer', () => {
  const widened = widen(initialSteering(32), 1);
  const seen = steered(farLink(MEGABYTE, 64 * MEGABYTE), 200, widened, 1);
  assert.ok(seen.filter((slots) => slots === 64).length > 0.95 * seen.length, seen.join(' '));
  const few: SteeringState = { ...initialSteering(4), mode: 'resting', isFirstClimb: false };
  assert.equal(steered(farLink(MEGABYTE, 64 * MEGABYTE), 20, few, 1).at(-1), 64);
});

test('files are begun for the connections to come, during the first climb', () => {
  assert.deepEqual(
    [2, 32].map((slots) => foreseen(initialSteering(slots))),
    [8, 64],
  );
  const disappointed = steeredTo(sharedLink(10 * MEGABYTE), 40);
  assert.equal(foreseen(disappointed), disappointed.slots);
});
