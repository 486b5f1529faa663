import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { Job, Outcome, PlanItem } from '../../src/core/model.js';
import type { Claim } from '../../src/core/ports.js';
import { toRecord, type ManifestRecord } from '../../src/manifest/record.js';
import { createPartSlots } from '../../src/pipeline/part-slots.js';
import type { Ports } from '../../src/pipeline/ports.js';
import { uploadAll } from '../../src/pipeline/upload-all.js';
import { withExtra } from '../../src/plan/decide.js';

async function* plannedJobs(paths: readonly string[]): AsyncGenerator<PlanItem> {
  for (const path of paths) {
    const job = { id: path, media: { path, size: 1 }, segments: [] };
    yield { status: 'planned', job: job as unknown as Job };
  }
}

test('what a job list says besides comes back in the record of an input that becomes no job', async () => {
  const extra = { note: 'keep', given: { name: 'x' } };
  const items: readonly PlanItem[] = [
    withExtra({ status: 'skipped', path: 'a.mp4', size: 7, reason: 'duplicate' }, extra),
    withExtra(
      { status: 'failed', path: 'b.mp4', failure: new UploadFailure('source-missing', 'gone') },
      extra,
    ),
  ];
  const records: ManifestRecord[] = [];
  const ports = {
    emit: () => undefined,
    partSize: 1,
    slots: createPartSlots(1),
  } as unknown as Ports;
  const never = new AbortController().signal;
  await uploadAll(
    (async function* () {
      yield* items;
    })(),
    ports,
    { record: async (outcome: Outcome) => void records.push(toRecord(outcome)) },
    { stop: never, abort: never, leave: never },
  );
  assert.deepEqual(
    records.map((record) => [record.path, record.status, record.size, 'kind' in record]),
    [
      ['a.mp4', 'skipped', 7, false],
      ['b.mp4', 'failed', null, false],
    ],
  );
  for (const record of records) {
    const { note, given } = record as ManifestRecord & typeof extra;
    assert.deepEqual({ note, given }, extra);
  }
});

test('more files begin as soon as there are more connections, though nothing has moved meanwhile', async () => {
  const PART = 8 * 1024 * 1024;
  const slots = createPartSlots(2);
  const claims: ((claim: Claim) => void)[] = [];
  const ports = {
    emit: () => undefined,
    partSize: PART,
    slots,
    journal: { claim: () => new Promise<Claim>((resolve) => claims.push(resolve)) },
  } as unknown as Ports;
  const never = new AbortController().signal;
  const running = uploadAll(
    (async function* () {
      for (let id = 0; id < 40; id++) {
        const job = { id: String(id), media: { path: `${id}.mp4`, size: PART }, segments: [] };
        yield { status: 'planned', job: job as unknown as Job } as const;
      }
    })(),
    ports,
    { record: async () => undefined },
    { stop: never, abort: never, leave: never },
  );
  const begun = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return claims.length;
  };
  const [few, later] = [await begun(), await begun()];
  assert.equal(later, few);
  slots.adjust({ limit: 8, expected: 8 });
  assert.ok((await begun()) >= 4 * few, `${claims.length} after ${few}`);
  const settle = setInterval(() => claims.splice(0).forEach((end) => end({ kind: 'held' })), 1);
  await running;
  clearInterval(settle);
});

test('a job that ends in a bug is on record like all others', async () => {
  const ports = {
    emit: () => undefined,
    partSize: 1,
    slots: createPartSlots(1),
    now: () => new Date(),
    journal: {
      claim: () => Promise.reject(new TypeError('a bug')),
      release: async () => undefined,
    },
  } as unknown as Ports;
  const never = new AbortController().signal;
  const outcomes: Outcome[] = [];
  const running = uploadAll(
    plannedJobs(['a.mp4', 'b.mp4']),
    ports,
    { record: async (outcome) => void outcomes.push(outcome) },
    { stop: never, abort: never, leave: never },
  );
  await assert.rejects(running, /a bug/);
  assert.deepEqual(
    outcomes.map((outcome) => ['path' in outcome && outcome.path, outcome.status]).sort(),
    [
      ['a.mp4', 'interrupted'],
      ['b.mp4', 'interrupted'],
    ],
  );
});

test('a plan that ends in a bug lets no file go on behind it', async () => {
  const ports = {
    emit: () => undefined,
    partSize: 1,
    slots: createPartSlots(1),
    now: () => new Date(),
    journal: {
      claim: () => new Promise((resolve) => setTimeout(resolve, 50, { kind: 'held' })),
      release: async () => undefined,
    },
  } as unknown as Ports;
  const never = new AbortController().signal;
  const outcomes: Outcome[] = [];
  const running = uploadAll(
    (async function* () {
      yield* plannedJobs(['a.mp4']);
      await new Promise((resolve) => setTimeout(resolve, 10));
      throw new TypeError('a bug');
    })(),
    ports,
    { record: async (outcome) => void outcomes.push(outcome) },
    { stop: never, abort: never, leave: never },
  );
  await assert.rejects(running, /a bug/);
  assert.equal(outcomes.length, 1);
});

/** Jobs that were planned, and then a disk that says nothing for ever. */
async function* planOnDeadDisk(paths: readonly string[]): AsyncGenerator<PlanItem> {
  yield* plannedJobs(paths);
  await new Promise(() => undefined);
}

/** A run of a plan that never ends, and whatever it has told so far. */
function runOnDeadDisk(options: { readonly stop: AbortSignal; readonly leave: AbortSignal }) {
  const told: string[] = [];
  const ports = {
    emit: ({ type }: { readonly type: string }) => void told.push(type),
    partSize: 1,
    slots: createPartSlots(1),
    now: () => new Date(),
    journal: { claim: async () => ({ kind: 'held' }), release: async () => undefined },
  } as unknown as Ports;
  const outcomes: string[] = [];
  const ended = uploadAll(
    planOnDeadDisk(['a.mp4', 'b.mp4']),
    ports,
    { record: async (outcome) => void outcomes.push(outcome.status) },
    { abort: options.leave, ...options },
  );
  return { ended, told, outcomes };
}

test(
  'a run that is asked to leave its plan does, though that never answers',
  { timeout: 5000 },
  async () => {
    const stop = new AbortController();
    const leave = new AbortController();
    const { ended, told, outcomes } = runOnDeadDisk({ stop: stop.signal, leave: leave.signal });
    while (outcomes.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(await Promise.race([ended, Promise.resolve('still waiting')]), 'still waiting');
    leave.abort();
    await ended;
    assert.deepEqual(outcomes, ['skipped', 'skipped']);
    assert.ok(!told.includes('plan-finished'));
  },
);

test('a run that a limit has stopped leaves a plan that says nothing for two minutes', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stop = new AbortController();
  const { ended, told } = runOnDeadDisk({ stop: stop.signal, leave: new AbortController().signal });
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  t.mock.timers.tick(119_000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await Promise.race([ended, Promise.resolve('still waiting')]), 'still waiting');
  t.mock.timers.tick(1_000);
  assert.equal(await ended, false, 'not all of the plan is on record');
  assert.ok(told.includes('warning'));
});

test('a run that a limit has stopped blames no plan for a manifest that takes its time', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const never = new AbortController().signal;
  let take = (): void => undefined;
  const taken: Outcome[] = [];
  const ended = uploadAll(
    plannedJobs(['a.mp4', 'b.mp4']),
    { emit: () => undefined, partSize: 1, slots: createPartSlots(1) } as unknown as Ports,
    {
      async record(outcome) {
        await new Promise<void>((resolve) => (take = resolve));
        taken.push(outcome);
      },
    },
    { stop: AbortSignal.abort(), abort: never, leave: never },
  );
  for (const count of [0, 1]) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.mock.timers.tick(119_000);
    assert.equal(taken.length, count);
    t.mock.timers.tick(119_000);
    take();
  }
  assert.equal(await ended, true);
  assert.equal(taken.length, 2);
});
