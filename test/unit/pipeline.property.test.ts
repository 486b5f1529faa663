import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PlanItem, Segment } from '../../src/core/model.js';
import { lookAhead } from '../../src/pipeline/look-ahead.js';
import type { Ports } from '../../src/pipeline/ports.js';
import { readPlan } from '../../src/pipeline/read-plan.js';
import { together } from '../../src/pipeline/together.js';
import { gate } from '../helpers/gate.js';
import { job, sourceFile } from '../helpers/outcomes.js';

const never = new AbortController().signal;

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

test('look ahead: every item once, in order, never more than the capacity ahead, by weight', async () => {
  const weigh = (item: number): number => 1 + (item % 4);
  const pace = fc.array(fc.nat(3), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      pace,
      fc.integer({ min: 1, max: 5 }),
      fc.nat(3),
      async (waits, capacity, slow) => {
        let aheadWeight = 0;
        let handedOver = 0;
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
          weigh,
          (item) => {
            // One may be on its way to the consumer.
            assert.ok(aheadWeight - weigh(handedOver) < capacity);
            aheadWeight += weigh(item);
          },
          () => (ends += 1),
          never,
        );
        for await (const item of ahead) {
          aheadWeight -= weigh(item);
          handedOver = item + 1;
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
          () => 1,
          () => undefined,
          () => undefined,
          never,
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

test('the plan is read ahead by files: playlists of many segments are few', async () => {
  let planned = 0;
  async function* plan(): AsyncGenerator<PlanItem> {
    for (;;) {
      planned += 1;
      yield { status: 'planned', job: job('a.m3u8', 1, { segments }) };
    }
  }
  const segment = { ...sourceFile('a.ts', 1), relativeKey: 'a.ts' };
  const segments = new Array<Segment>(1500).fill(segment);
  const ports = { emit: () => undefined } as unknown as Ports;
  const items = readPlan(plan(), ports, never, never, () => undefined);
  await items.next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await items.return();
  assert.ok(planned <= 4, `${planned} were planned`);
});
