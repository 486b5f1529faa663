import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { UploadId } from '../../src/core/ids.js';
import type { Checkpoint, ObjectCheckpoint } from '../../src/core/model.js';
import type { OpenJournal } from '../../src/journal/journal.js';
import { openStore } from '../../src/journal/store.js';
import { JournalWorld, all, checkpointFor, jobFor, receiptFor } from './journal-world.js';

const { id } = jobFor(1);
const COUNT = 200;

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

/** A checkpoint of so many objects, of which nothing is stored. */
function begunWith(session = 1): Checkpoint {
  const objects = Array.from({ length: COUNT }, (_, at) => ({ key: `dir/${at}.ts`, partSize: 9 }));
  return { ...checkpointFor(session, 'sending'), objects };
}

/** Remembers one object after the other as stored; resolves to the last checkpoint. */
async function store(
  journal: OpenJournal,
  before: Checkpoint,
  numbers: readonly number[],
): Promise<Checkpoint> {
  let checkpoint = before;
  for (const number of numbers) {
    const changed: ObjectCheckpoint = { key: `dir/${number}.ts`, partSize: 9, stored: {} };
    checkpoint = { ...checkpoint, objects: checkpoint.objects.with(number, changed) };
    await journal.remember(id, checkpoint, [changed]);
  }
  return checkpoint;
}

async function rowsLeft(): Promise<number> {
  const store = await openStore(join(world.dir, 'journal.lmdb'));
  const rows = await store.transact((tables) => tables.additions.slice(Infinity));
  await store.close();
  return rows.length;
}

test('what was added to the checkpoint of a playlist comes back with it', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  const begun = begunWith();
  await journal.remember(id, begun);
  const stored = await store(journal, begun, [5, 3, 199]);
  const first = { ...stored.objects[0]!, uploadId: 'u' as UploadId };
  const objects = stored.objects.with(0, first);
  await journal.remember(id, { ...stored, objects }, [first]);
  const last = { ...first, completing: true };
  const committing = { ...stored, objects: objects.with(0, last), phase: 'committing' } as const;
  await journal.remember(id, committing, [last]);
  assert.deepEqual((await all(journal.list()))[0]?.objects, committing.objects);
  await world.end(journal);
  const claim = await world.claimAnew(1);
  assert.deepEqual(claim.kind === 'ours' && claim.checkpoint, committing);
});

test('a run that goes on adds to what it found', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.remember(id, begunWith());
  const stored = await store(journal, begunWith(), [5, 3]);
  await world.end(journal);
  const second = await world.begin();
  await second.claim(jobFor(1));
  const more = await store(second, stored, [7, 8]);
  await world.end(second);
  assert.equal(await rowsLeft(), 1);
  const claim = await world.claimAnew(1);
  assert.deepEqual(claim.kind === 'ours' && claim.checkpoint, more);
});

test('nothing that was added counts for the next session', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.remember(id, begunWith());
  await store(journal, begunWith(), [5, 3]);
  await journal.forget(id);
  await journal.remember(id, begunWith(2));
  assert.deepEqual((await all(journal.list()))[0]?.objects, begunWith().objects);
});

for (const [what, end] of [
  ['settled', (journal: OpenJournal) => journal.settle(jobFor(1), receiptFor(1))],
  ['forgotten', (journal: OpenJournal) => journal.forget(id)],
] as const) {
  test(`of a job that is ${what} nothing that was added stays, be it of this run or of another`, async () => {
    const journal = await world.begin();
    await journal.claim(jobFor(1));
    await journal.remember(id, begunWith());
    await store(journal, begunWith(), [5, 3]);
    await world.end(journal);
    assert.equal(await rowsLeft(), 2);
    const second = await world.begin();
    await second.claim(jobFor(1));
    await end(second);
    await world.end(second);
    assert.equal(await rowsLeft(), 0);
  });
}
