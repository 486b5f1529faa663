import { strict as assert } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  JournalWorld,
  all,
  checkpointFor,
  jobFor,
  receiptFor,
  secretsOf,
} from './journal-world.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

test('what has expired is dropped by the next run that the service has answered, secrets first', async () => {
  const journal = await world.begin();
  for (const [number, phase] of [
    [1, 'sending'],
    [2, 'assembled'],
  ] as const) {
    await journal.claim(jobFor(number));
    await journal.remember(jobFor(number).id, checkpointFor(number, phase));
  }
  await world.end(journal);
  await writeFile(join(world.dir, 'sessions', `${jobFor(3).id}.dead-run.tmp`), secretsOf(3).join());
  const leftAfter = async (ms: number, isAnswered = true) => {
    const later = await world.begin({ now: () => new Date(Date.now() + ms), force: true });
    if (isAnswered) {
      await later.claim(jobFor(4));
      await later.settle(jobFor(4), receiptFor(4));
    }
    await world.end(later);
    const after = await world.begin();
    const listed = (await all(after.list())).length;
    await world.end(after);
    return [
      listed,
      await world.hasSecretsOf(1),
      await world.hasSecretsOf(2),
      await world.hasSecretsOf(3),
    ];
  };
  assert.deepEqual(await leftAfter(0), [2, true, true, false]);
  assert.deepEqual(await leftAfter(2 * HOUR_MS), [2, false, true, false]);
  assert.deepEqual(await leftAfter(2 * DAY_MS), [1, false, true, false]);
  assert.deepEqual(await leftAfter(32 * DAY_MS), [0, false, false, false]);
});

test('a run that the service has not answered drops secrets alone: those that no job names, and those that are over for a day', async () => {
  const dead = await world.begin();
  for (const [number, phase] of [
    [1, 'sending'],
    [2, 'committing'],
  ] as const) {
    await dead.claim(jobFor(number));
    await dead.remember(jobFor(number).id, checkpointFor(number, phase));
  }
  await world.end(dead);
  await writeFile(join(world.dir, 'sessions', 'killed-run'), secretsOf(3).join());
  const live = await world.begin();
  await live.claim(jobFor(4));
  await live.remember(jobFor(4).id, checkpointFor(4, 'sending'));
  const leftAfter = async (ms: number) => {
    await world.end(await world.begin({ now: () => new Date(Date.now() + ms) }));
    return [
      (await all(live.list())).length,
      ...(await Promise.all([1, 2, 3, 4].map((number) => world.hasSecretsOf(number)))),
    ];
  };
  assert.deepEqual(await leftAfter(0), [3, true, true, false, true]);
  assert.deepEqual(await leftAfter(2 * HOUR_MS), [3, true, true, false, true]);
  assert.deepEqual(await leftAfter(32 * DAY_MS), [3, false, true, false, true]);
});

/** The time that a run goes by, in ms from the true one, and how much it knows its own clock to be off. */
const runAt = (nowMs: number, offsetMs = 0) => ({
  now: () => new Date(Date.now() + nowMs),
  clockOffsetMs: () => offsetMs,
});

type RunClock = ReturnType<typeof runAt>;

/** The local clock, the run that writes a session good for an hour, the next, whether that goes on. */
const clocks: readonly (readonly [string, RunClock, RunClock, boolean])[] = [
  ['was two hours ahead and is still', runAt(0, -2 * HOUR_MS), runAt(2 * HOUR_MS), true],
  ['was two hours ahead, and the hour is over', runAt(0, -2 * HOUR_MS), runAt(4 * HOUR_MS), false],
  ['was two hours ahead and was set right', runAt(0, -2 * HOUR_MS), runAt(0), true],
  ['was two hours behind and is still', runAt(0, 2 * HOUR_MS), runAt(-2 * HOUR_MS), true],
  ['was two hours behind and was set right', runAt(0, 2 * HOUR_MS), runAt(0), true],
  [
    'is known to be ahead, and the hour is over',
    runAt(0, -2 * HOUR_MS),
    runAt(2 * HOUR_MS, -2 * HOUR_MS),
    false,
  ],
  ['was right, and the hour is over', runAt(0), runAt(2 * HOUR_MS), false],
];
for (const [clock, before, after, isUsable] of clocks) {
  test(`a session ${isUsable ? 'goes on' : 'is over'} where the local clock ${clock}`, async () => {
    await world.leaveUnfinished(jobFor(1), checkpointFor(1, 'sending'), before);
    const claim = await world.claimAnew(1, after);
    assert.equal(claim.kind === 'ours' && claim.checkpoint !== undefined, isUsable);
    assert.ok(await world.hasSecretsOf(1));
  });
}

for (const [phase, days, isKept] of [
  ['sending', 0.9, true],
  ['sending', 1.1, false],
  ['assembled', 29, true],
  ['assembled', 31, false],
  ['committing', 729, true],
  ['committing', 731, false],
] as const) {
  test(`gc ${isKept ? 'keeps' : 'drops'} what is ${phase} and expired ${days} days ago`, async () => {
    const journal = await world.begin();
    await journal.claim(jobFor(1));
    const expired = new Date(Date.now() - days * DAY_MS);
    await journal.remember(jobFor(1).id, checkpointFor(1, phase, expired));
    await journal.release(jobFor(1).id);
    assert.equal((await journal.gc()).checkpoints, isKept ? 0 : 1);
  });
}

test('a ledger entry is dropped two years after a run last asked for it', async () => {
  let now = Date.now();
  const settle = await world.begin({ now: () => new Date(now) });
  for (const number of [1, 2]) {
    await settle.claim(jobFor(number));
    await settle.settle(jobFor(number), receiptFor(number));
  }
  await world.end(settle);
  now += 400 * DAY_MS;
  assert.equal((await world.claimAnew(1, { now: () => new Date(now) })).kind, 'uploaded');
  now += 400 * DAY_MS;
  const journal = await world.begin({ now: () => new Date(now) });
  assert.equal((await journal.gc()).ledgerEntries, 1);
  assert.equal((await journal.claim(jobFor(1))).kind, 'uploaded');
  assert.equal((await journal.claim(jobFor(2))).kind, 'ours');
  const copy = { ...jobFor(3), crc64: receiptFor(2).crc64 as string };
  assert.equal((await journal.claim(copy)).kind, 'ours');
});
