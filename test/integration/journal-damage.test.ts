import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ObjectCheckpoint } from '../../src/core/model.js';
import type { OpenJournal } from '../../src/journal/journal.js';
import { openJournalView } from '../../src/journal/open-journal.js';
import { openStore } from '../../src/journal/store.js';
import { damageRows } from '../helpers/damage-rows.js';
import {
  JournalWorld,
  all,
  checkpointFor,
  isUnwritable,
  jobFor,
  optionsFor,
  receiptFor,
} from './journal-world.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const isDamaged = isUnwritable('is damaged', 'journal-unreadable');

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

const database = (): string => join(world.dir, 'journal.lmdb');
const isOfFirst = (key: string): boolean => key.startsWith(jobFor(1).id);

describe('what was uploaded, on a record that is damaged', () => {
  beforeEach(async () => {
    const journal = await world.begin();
    for (const number of [1, 2]) {
      await journal.claim(jobFor(number));
      await journal.settle(jobFor(number), receiptFor(number));
    }
    await world.end(journal);
    await damageRows(database(), ['ledger'], isOfFirst);
  });

  test('is told, and fails no other job that is claimed at the same time', async () => {
    const journal = await world.begin();
    const [damaged, other] = [journal.claim(jobFor(1)), journal.claim(jobFor(2))];
    await assert.rejects(damaged, isDamaged);
    assert.equal((await other).kind, 'uploaded');
  });

  test('is told to who only looks', async () => {
    const view = await openJournalView(optionsFor(world.dir));
    await assert.rejects(async () => view?.foresee(jobFor(1)), isDamaged);
    assert.deepEqual(await view?.foresee(jobFor(2)), { kind: 'uploaded', receipt: receiptFor(2) });
    await view?.close();
  });

  test('is replaced by what is uploaded by force, which is known for two years', async () => {
    const later = { now: () => new Date(Date.now() + 700 * DAY_MS) };
    const journal = await world.begin({ force: true, ...later });
    assert.equal((await journal.claim(jobFor(1))).kind, 'ours');
    await journal.settle(jobFor(1), receiptFor(3));
    await world.end(journal);
    const last = await world.begin({ now: () => new Date(Date.now() + 800 * DAY_MS) });
    await last.gc();
    const claim = await last.claim(jobFor(1));
    assert.deepEqual(claim.kind === 'uploaded' && claim.receipt, receiptFor(3));
    assert.equal((await last.claim(jobFor(2))).kind, 'ours');
  });

  test('does not keep a media that was committed to its storage path from being put on record', async () => {
    const request = { mediaStoragePath: '/dir/4.mp4' };
    const journal = await world.begin();
    for (const number of [4, 5]) {
      const job = jobFor(number, { request });
      await journal.claim(job);
      await journal.settle(job, { ...receiptFor(number), storage: receiptFor(4).storage });
      await damageRows(database(), ['ledger'], (key) => key === jobFor(4).id);
    }
    assert.equal((await journal.claim(jobFor(5, { request }))).kind, 'uploaded');
  });
});

describe('an unfinished job of which something is damaged', () => {
  async function assertTold(journal: OpenJournal): Promise<void> {
    await assert.rejects(journal.claim(jobFor(1)), isDamaged);
    await assert.rejects(journal.claimUnfinished(jobFor(1).id), isDamaged);
    const touched = jobFor(1, { version: 1 });
    assert.equal((await journal.claim(touched)).kind, 'ours');
    await journal.release(touched.id);
    const listed: string[] = [];
    const list = async (): Promise<void> => {
      for await (const { job } of journal.list()) listed.push(job.id);
    };
    await assert.rejects(list(), isDamaged);
    assert.deepEqual(listed, [jobFor(2).id]);
  }

  for (const [what, damage] of [
    ['its checkpoint', () => damageRows(database(), ['checkpoints'], isOfFirst)],
    ['its files and options', () => damageRows(database(), ['jobs'], isOfFirst)],
    ['its files and options, which are lost', loseJob],
  ] as const) {
    test(`is told, and stays with its secrets, others are listed: ${what}`, async () => {
      await world.leaveUnfinished(jobFor(1), checkpointFor(1, 'committing'));
      await world.leaveUnfinished(jobFor(2), checkpointFor(2, 'committing'));
      await damage();
      const journal = await world.begin({ now: () => new Date(Date.now() + 20 * DAY_MS) });
      await assertTold(journal);
      await journal.claim(jobFor(3));
      await journal.settle(jobFor(3), receiptFor(3));
      assert.equal((await journal.gc()).checkpoints, 0);
      assert.equal((await all(journal.list('left'))).length, 1);
      await world.end(journal);
      assert.ok(await world.hasSecretsOf(1));
      await assertTold(await world.begin());
    });
  }

  test('is told: what was added to its checkpoint', async () => {
    const objects = Array.from({ length: 100 }, (_, at) => ({ key: `dir/${at}.ts`, partSize: 9 }));
    const begun = { ...checkpointFor(1, 'sending'), objects };
    const changed: ObjectCheckpoint = { key: 'dir/7.ts', partSize: 9, stored: {} };
    await world.leaveUnfinished(jobFor(2), checkpointFor(2, 'sending'));
    const journal = await world.begin();
    await journal.claim(jobFor(1));
    await journal.remember(jobFor(1).id, begun);
    const committing = {
      ...begun,
      objects: objects.with(7, changed),
      phase: 'committing',
    } as const;
    await journal.remember(jobFor(1).id, committing, [changed]);
    await world.end(journal);
    await damageRows(database(), ['additions']);
    await assertTold(await world.begin());
  });

  async function loseJob(): Promise<void> {
    const store = await openStore(database());
    await store.transact(({ jobs }) => jobs.remove(jobFor(1).id));
    await store.close();
  }
});

test('a run whose lease is damaged keeps its claims for as long as one that cannot be looked at', async () => {
  const live = await world.begin();
  await live.claim(jobFor(1));
  await live.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  await damageRows(database(), ['runs']);
  const asked = await world.begin();
  await asked.gc();
  assert.equal((await asked.claim(jobFor(1))).kind, 'held');
  assert.equal((await all(asked.list()))[0]?.holder?.host, 'unknown');
  await world.end(asked);
  await live.remember(jobFor(1).id, checkpointFor(1, 'committing'));
  const later = { now: () => new Date(Date.now() + 6 * MINUTE_MS) };
  const claim = await world.claimAnew(1, later);
  assert.ok(claim.kind === 'ours' && claim.checkpoint?.phase === 'committing');
});
