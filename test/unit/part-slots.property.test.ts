import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPartSlots } from '../../src/pipeline/part-slots.js';
import { gate } from '../helpers/gate.js';

const never = new AbortController().signal;

/** What happens while tasks wait and run. */
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constantFrom('finish' as const, 'abort' as const), which: fc.nat(50) }),
    fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const) }),
  ),
  { maxLength: 40 },
);
const files = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });

test('part slots: never more start than the limit allows, none is lost, each runs or was aborted', async () => {
  await fc.assert(
    fc.asyncProperty(
      files,
      steps,
      fc.integer({ min: 1, max: 4 }),
      async (counts, script, first) => {
        const slots = createPartSlots(first);
        const running = new Map<number, () => void>();
        const aborts: AbortController[] = [];
        const fates: Promise<'ran' | 'aborted'>[] = [];
        let begun = 0;
        for (const [file, count] of counts.entries()) {
          const lane = slots.open(() => file);
          for (let part = 0; part < count; part += 1) {
            const number = aborts.length;
            const controller = new AbortController();
            aborts.push(controller);
            const work = (): Promise<void> => {
              assert.ok(slots.active <= slots.limit);
              begun += 1;
              return new Promise((resolve) => running.set(number, resolve));
            };
            fates.push(
              lane.run(work, controller.signal).then(
                () => 'ran',
                () => 'aborted',
              ),
            );
          }
        }
        async function finish(which: number): Promise<void> {
          const [number, end] = [...running][which % Math.max(1, running.size)] ?? [];
          if (number === undefined) return;
          running.delete(number);
          end?.();
          await turn();
        }
        for (const step of script) {
          if (step.kind === 'limit') slots.limit = step.limit;
          else if (step.kind === 'finish') await finish(step.which);
          else if (step.kind === 'abort') aborts[step.which % aborts.length]?.abort(new Error());
          else slots[step.kind]();
          await turn();
          assert.equal(slots.active, running.size);
        }
        slots.resume();
        await turn();
        while (running.size > 0) await finish(0);
        const ended = await Promise.all(fates);
        assert.equal(ended.filter((fate) => fate === 'ran').length, begun);
        assert.deepEqual([slots.active, slots.waiting], [0, 0]);
        await slots.idle();
      },
    ),
    { numRuns: 60 },
  );
});

test('part slots: what gives way holds none meanwhile, and each slot is free again at the end', async () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('abort' as const), which: fc.nat(11) }),
    fc.constantFrom({ kind: 'pause' as const }, { kind: 'resume' as const }),
    fc.record({ kind: fc.constant('brake' as const), isBraking: fc.boolean() }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(2) }),
  );
  const pauses = fc.array(fc.nat(4), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(pauses, { minLength: 12, maxLength: 12 }),
      fc.array(change, { maxLength: 30 }),
      async (tasks, script) => {
        const slots = createPartSlots(3);
        const lanes = [1, 2].map((remaining) => slots.open(() => remaining));
        const aborts = tasks.map(() => new AbortController());
        const fates = tasks.map(async (pausesMs, index) => {
          const { signal } = aborts[index]!;
          await lanes[index % 2]!.run(async (giveWay) => {
            for (const pauseMs of pausesMs) {
              await turn();
              await giveWay(signal, pauseMs);
            }
          }, signal);
        });
        const settled = Promise.allSettled(fates);
        for (const step of script) {
          const before = slots.active;
          if (step.kind === 'limit') slots.limit = step.limit;
          else if (step.kind === 'abort') aborts[step.which]!.abort(new Error());
          else if (step.kind === 'brake') slots.isBraking = step.isBraking;
          else if (step.kind === 'wait') await new Promise((go) => setTimeout(go, step.ms));
          else slots[step.kind]();
          await turn();
          assert.ok(slots.active >= 0 && slots.active <= Math.max(before, slots.limit));
        }
        slots.resume();
        await settled;
        assert.deepEqual([slots.active, slots.waiting], [0, 0]);
        await slots.idle();
      },
    ),
    { numRuns: 60 },
  );
});

test('part slots: a free slot goes to the file with the fewest bytes left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(1000), { minLength: 2, maxLength: 8 }),
      async (sizes) => {
        const slots = createPartSlots(1);
        slots.pause();
        const order: number[] = [];
        const all = sizes.map((size) =>
          slots.open(() => size).run(async () => void order.push(size), never),
        );
        slots.resume();
        await Promise.all(all);
        assert.deepEqual(
          order,
          sizes.toSorted((a, b) => a - b),
        );
      },
    ),
  );
});

test('part slots: work that gives way goes on before other work, once there are few enough', async () => {
  const slots = createPartSlots(2);
  const lane = slots.open(() => 1);
  const told: string[] = [];
  const [first, second] = [gate(), gate()];
  const all = [
    lane.run(async (giveWay) => {
      await first.opened;
      await giveWay(never);
      told.push('first');
    }, never),
    lane.run(async () => {
      await second.opened;
      told.push('second');
    }, never),
    lane.run(async () => void told.push('third'), never),
  ];
  await turn();
  slots.limit = 1;
  first.open();
  await turn();
  assert.deepEqual([slots.active, slots.waiting], [1, 2]);
  second.open();
  await Promise.all(all);
  assert.deepEqual(told, ['second', 'first', 'third']);
  assert.deepEqual([slots.active, slots.waiting], [0, 0]);
});

test('part slots: nothing gives way while there are no more than there shall be', async () => {
  const slots = createPartSlots(1);
  await slots
    .open(() => 1)
    .run(async (giveWay) => {
      const given = giveWay(never);
      assert.equal(slots.active, 1);
      await given;
    }, never);
});

test('part slots: who waits leaves the slot to others meanwhile, unless the service is in trouble', async () => {
  for (const isBraking of [false, true]) {
    const slots = createPartSlots(1);
    slots.isBraking = isBraking;
    const lane = slots.open(() => 1);
    const told: string[] = [];
    const refused = lane.run(async (giveWay) => {
      await giveWay(never, 30);
      told.push('refused');
    }, never);
    const other = lane.run(async () => void told.push('other'), never);
    await Promise.all([refused, other]);
    assert.deepEqual(told, isBraking ? ['refused', 'other'] : ['other', 'refused']);
    assert.equal(slots.active, 0);
  }
});

test('part slots: how long they were taken leaves out what gave its own to others', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const slots = createPartSlots(2);
  const lane = slots.open(() => 1);
  const [first, second] = [gate(), gate()];
  const all = [
    lane.run(async (giveWay) => {
      await first.opened;
      await giveWay(never, 1);
    }, never),
    lane.run(() => second.opened, never),
  ];
  now += 10;
  assert.equal(slots.connectedMs, 20);
  first.open();
  await turn();
  now += 100;
  assert.equal(slots.connectedMs, 120);
  second.open();
  await Promise.all(all);
  assert.equal(slots.connectedMs, 120);
});

test('part slots: what is aborted while it gives way holds nothing', async () => {
  const slots = createPartSlots(2);
  const lane = slots.open(() => 1);
  const controller = new AbortController();
  const other = gate();
  const staying = lane.run(() => other.opened, never);
  const leaving = lane.run((giveWay) => {
    slots.limit = 1;
    return giveWay(controller.signal);
  }, never);
  await turn();
  controller.abort(new Error('enough'));
  await assert.rejects(leaving, /enough/);
  assert.deepEqual([slots.active, slots.waiting], [1, 0]);
  other.open();
  await staying;
  assert.equal(slots.active, 0);
});
