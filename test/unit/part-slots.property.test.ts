import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPartSlots } from '../../src/pipeline/part-slots.js';
import { gate } from '../helpers/gate.js';

const never = new AbortController().signal;
const one = (): number => 1;

/** What happens while tasks wait and run. */
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constantFrom('finish' as const, 'abort' as const), which: fc.nat(50) }),
    fc.record({ kind: fc.constant('pause' as const), isPaused: fc.boolean() }),
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
          const remaining = (): number => file;
          for (let part = 0; part < count; part += 1) {
            const number = aborts.length;
            const controller = new AbortController();
            aborts.push(controller);
            const work = (): Promise<void> => {
              assert.ok(slots.active <= slots.rules.limit);
              begun += 1;
              return new Promise((resolve) => running.set(number, resolve));
            };
            fates.push(
              slots.run(remaining, work, controller.signal).then(
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
          if (step.kind === 'limit') slots.adjust({ limit: step.limit });
          else if (step.kind === 'finish') await finish(step.which);
          else if (step.kind === 'pause') slots.adjust({ isPaused: step.isPaused });
          else aborts[step.which % aborts.length]?.abort(new Error());
          await turn();
          assert.equal(slots.active, running.size);
        }
        slots.adjust({ isPaused: false });
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
    fc.record({ kind: fc.constant('pause' as const), isPaused: fc.boolean() }),
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
        const sizes = [1, 2].map((remaining) => () => remaining);
        const aborts = tasks.map(() => new AbortController());
        const fates = tasks.map(async (pausesMs, index) => {
          const { signal } = aborts[index]!;
          await slots.run(
            sizes[index % 2]!,
            async (giveWay) => {
              for (const pauseMs of pausesMs) {
                await turn();
                await giveWay(signal, pauseMs);
              }
            },
            signal,
          );
        });
        const settled = Promise.allSettled(fates);
        for (const step of script) {
          const before = slots.active;
          if (step.kind === 'limit') slots.adjust({ limit: step.limit });
          else if (step.kind === 'abort') aborts[step.which]!.abort(new Error());
          else if (step.kind === 'brake') slots.adjust({ isBraking: step.isBraking });
          else if (step.kind === 'wait') await new Promise((go) => setTimeout(go, step.ms));
          else slots.adjust({ isPaused: step.isPaused });
          await turn();
          assert.ok(slots.active >= 0 && slots.active <= Math.max(before, slots.rules.limit));
        }
        slots.adjust({ isPaused: false });
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
        slots.adjust({ isPaused: true });
        const order: number[] = [];
        const all = sizes.map((size) =>
          slots.run(
            () => size,
            async () => void order.push(size),
            never,
          ),
        );
        slots.adjust({ isPaused: false });
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
  const told: string[] = [];
  const [first, second] = [gate(), gate()];
  const all = [
    slots.run(
      one,
      async (giveWay) => {
        await first.opened;
        await giveWay(never);
        told.push('first');
      },
      never,
    ),
    slots.run(
      one,
      async () => {
        await second.opened;
        told.push('second');
      },
      never,
    ),
    slots.run(one, async () => void told.push('third'), never),
  ];
  await turn();
  slots.adjust({ limit: 1 });
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
  await slots.run(
    one,
    async (giveWay) => {
      const given = giveWay(never);
      assert.equal(slots.active, 1);
      await given;
    },
    never,
  );
});

test('part slots: who waits leaves the slot to others meanwhile, unless the service is in trouble', async () => {
  for (const isBraking of [false, true]) {
    const slots = createPartSlots(1);
    slots.adjust({ isBraking });
    const told: string[] = [];
    const refused = slots.run(
      one,
      async (giveWay) => {
        await giveWay(never, 30);
        told.push('refused');
      },
      never,
    );
    const other = slots.run(one, async () => void told.push('other'), never);
    await Promise.all([refused, other]);
    assert.deepEqual(told, isBraking ? ['refused', 'other'] : ['other', 'refused']);
    assert.equal(slots.active, 0);
  }
});

test('part slots: how long they were taken leaves out what gave its own to others', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const slots = createPartSlots(2);
  const [first, second] = [gate(), gate()];
  const all = [
    slots.run(
      one,
      async (giveWay) => {
        await first.opened;
        await giveWay(never, 1);
      },
      never,
    ),
    slots.run(one, () => second.opened, never),
  ];
  now += 10;
  assert.equal(slots.usage().connectedMs, 20);
  first.open();
  await turn();
  now += 100;
  assert.equal(slots.usage().connectedMs, 120);
  second.open();
  await Promise.all(all);
  assert.equal(slots.usage().connectedMs, 120);
});

test('part slots: what is aborted while it gives way holds nothing', async () => {
  const slots = createPartSlots(2);
  const controller = new AbortController();
  const other = gate();
  const staying = slots.run(one, () => other.opened, never);
  const leaving = slots.run(
    one,
    (giveWay) => {
      slots.adjust({ limit: 1 });
      return giveWay(controller.signal);
    },
    never,
  );
  await turn();
  controller.abort(new Error('enough'));
  await assert.rejects(leaving, /enough/);
  assert.deepEqual([slots.active, slots.waiting], [1, 0]);
  other.open();
  await staying;
  assert.equal(slots.active, 0);
});
