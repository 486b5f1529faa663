import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { lookAhead } from '../../src/pipeline/look-ahead.js';
import { createPartSlots } from '../../src/pipeline/part-slots.js';
import { together } from '../../src/pipeline/together.js';

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

/** A promise, and what resolves it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

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

test('together: settles after the last task, with all results or the first failure', async () => {
  const task = fc.record({ turns: fc.nat(6), fails: fc.boolean(), heedsAbort: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(task, { maxLength: 8 }), async (tasks) => {
      let underWay = 0;
      let firstFailure: unknown;
      const work = tasks.map(
        ({ turns, fails, heedsAbort }, index) =>
          async (signal: AbortSignal) => {
            underWay += 1;
            try {
              for (let at = 0; at < turns; at += 1) {
                await turn();
                if (heedsAbort) signal.throwIfAborted();
              }
              if (fails) throw new Error(String(index));
              return index;
            } catch (error) {
              firstFailure ??= error;
              throw error;
            } finally {
              underWay -= 1;
            }
          },
      );
      const [result] = await Promise.allSettled([together(work, never)]);
      assert.equal(underWay, 0);
      if (tasks.some(({ fails }) => fails)) {
        assert.ok(result.status === 'rejected' && result.reason === firstFailure);
      } else {
        assert.ok(result.status === 'fulfilled');
        assert.deepEqual(
          result.value,
          tasks.map((_, index) => index),
        );
      }
    }),
    { numRuns: 60 },
  );
});

test('together: what is under way ends where a failure leaves it of use, and is dropped where not', async () => {
  const ends = gate();
  const outcome = async (message: string): Promise<string[]> => {
    const told: string[] = [];
    const failing = async (): Promise<void> => {
      await turn();
      throw new Error(message);
    };
    const lasting = async (beginning: AbortSignal, useful: AbortSignal): Promise<void> => {
      await turn();
      await turn();
      if (beginning.aborted) told.push('begins nothing');
      if (useful.aborted) told.push('dropped');
      else await ends.opened.then(() => told.push('ended'));
    };
    setTimeout(ends.open, 20);
    const leavesUse = (failure: unknown): boolean => (failure as Error).message === 'harmless';
    await assert.rejects(together([failing, lasting], never, leavesUse), { message });
    return told;
  };
  assert.deepEqual(await outcome('fatal'), ['begins nothing', 'dropped']);
  assert.deepEqual(await outcome('harmless'), ['begins nothing', 'ended']);
});

test('look ahead: every item once, in order, never more than the capacity ahead', async () => {
  const pace = fc.array(fc.nat(3), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      pace,
      fc.integer({ min: 1, max: 5 }),
      fc.nat(3),
      async (waits, capacity, slow) => {
        let read = 0;
        let taken = 0;
        let ends = 0;
        async function* source(): AsyncGenerator<number> {
          for (const [index, turns] of waits.entries()) {
            for (let at = 0; at < turns; at += 1) await turn();
            yield index;
          }
        }
        const items: number[] = [];
        const ahead = lookAhead(
          source(),
          capacity,
          () => assert.ok(++read - taken <= capacity + 1),
          () => (ends += 1),
        );
        for await (const item of ahead) {
          taken += 1;
          items.push(item);
          for (let at = 0; at < slow; at += 1) await turn();
        }
        assert.deepEqual(items, [...waits.keys()]);
        assert.equal(ends, 1);
      },
    ),
    { numRuns: 60 },
  );
});

test('look ahead: who leaves early leaves the source closed, and a failure comes after what was read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(10), fc.nat(12), async (length, leaveAfter) => {
      let isClosed = false;
      async function* source(): AsyncGenerator<number> {
        try {
          for (let index = 0; index < length; index += 1) yield index;
          throw new Error('broken');
        } finally {
          isClosed = true;
        }
      }
      const items: number[] = [];
      let failure: unknown;
      try {
        for await (const item of lookAhead(
          source(),
          3,
          () => undefined,
          () => undefined,
        )) {
          if (items.push(item) > leaveAfter) break;
        }
      } catch (error) {
        failure = error;
      }
      assert.ok(isClosed);
      const leftEarly = leaveAfter < length;
      assert.equal(items.length, Math.min(length, leaveAfter + 1));
      assert.equal(failure instanceof Error, !leftEarly);
    }),
  );
});
