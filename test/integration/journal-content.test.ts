import { strict as assert } from 'node:assert';
import { afterEach, beforeEach, test } from 'node:test';
import type { Checkpoint, Job } from '../../src/core/model.js';
import { JournalWorld, all, checkpointFor, jobFor, receiptFor } from './journal-world.js';

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

const CRC64 = '18446744073709551615';

/** A job on the content that all of these have. */
function known(number: number, others: Partial<Job> = {}): Job {
  return { ...jobFor(number), crc64: CRC64, ...others };
}

async function leaveUnfinished(job: Job, phase: Checkpoint['phase']): Promise<void> {
  const journal = await world.begin();
  await journal.claim(job);
  await journal.remember(job.id, checkpointFor(1, phase));
  await world.end(journal);
}

for (const phase of ['sending', 'assembled', 'committing'] as const) {
  test(`what is ${phase} is gone on with where the same bytes have another path or time`, async () => {
    await leaveUnfinished(known(1), phase);
    const journal = await world.begin();
    const claim = await journal.claim(known(2));
    assert.ok(claim.kind === 'ours');
    const { sessionKey } = checkpointFor(1, phase).session;
    assert.equal(claim.checkpoint?.phase, phase);
    assert.equal(claim.checkpoint.session.sessionKey, sessionKey);
    const { id, media, request } = claim.begun as Job;
    assert.deepEqual([id, media], [known(2).id, known(2).media]);
    assert.equal(request.mediaName, '1');
    assert.deepEqual(claim.changedOptions, ['mediaName']);
    await journal.remember(known(2).id, checkpointFor(1, 'committing'));
    await journal.settle(claim.begun as Job, { ...receiptFor(1), crc64: CRC64 });
    assert.deepEqual(await all(journal.list()), []);
    assert.equal(await world.hasSecretsOf(1), false);
    assert.equal((await journal.claim(known(1))).kind, 'uploaded');
    assert.equal((await journal.claim(jobFor(2))).kind, 'uploaded');
  });
}

test('what was gone on with at another path and is left unfinished is found by both', async () => {
  await leaveUnfinished(known(1), 'sending');
  const journal = await world.begin();
  await journal.claim(known(2));
  await journal.remember(known(2).id, checkpointFor(1, 'assembled'));
  await world.end(journal);
  const other = await world.begin();
  assert.equal((await other.gc()).secrets, 0);
  const [left, ...more] = await all(other.list());
  assert.deepEqual([left?.job, left?.resumable, more], [known(1), true, []]);
  await world.end(other);
  for (const job of [jobFor(1), known(3)]) {
    const next = await world.begin();
    const claim = await next.claim(job);
    assert.ok(claim.kind === 'ours' && claim.checkpoint?.phase === 'assembled');
    await world.end(next);
  }
});

test('what a live run goes on with is held at every path of the same bytes', async () => {
  await leaveUnfinished(known(1), 'sending');
  const [first, second] = [await world.begin(), await world.begin()];
  // Whoever goes by path does not know that it is the same.
  await first.claim(jobFor(1));
  assert.equal((await second.claim(known(2))).kind, 'held');
  await first.release(jobFor(1).id);
  assert.equal((await second.claim(known(2))).kind, 'ours');
  assert.equal((await first.claim(jobFor(1))).kind, 'held');
  await second.release(known(2).id);
  assert.equal((await first.claim(jobFor(1))).kind, 'ours');
});

test('a session of the same bytes that is begun anew is a job of the new path alone', async () => {
  await leaveUnfinished(known(1), 'sending');
  const journal = await world.begin();
  await journal.claim(known(2));
  await journal.forget(known(2).id);
  await journal.remember(known(2).id, checkpointFor(2, 'sending'));
  const listed = await all(journal.list());
  assert.deepEqual(
    listed.map(({ job }) => job),
    [known(2)],
  );
  assert.equal(await world.hasSecretsOf(1), false);
});

test('the session of the same bytes is handed over to be aborted where the cover is another', async () => {
  await leaveUnfinished(known(1, { cover: jobFor(8).media }), 'sending');
  const journal = await world.begin();
  const claim = await journal.claim(known(2, { cover: jobFor(9, { version: 1 }).media }));
  assert.ok(claim.kind === 'ours' && claim.checkpoint === undefined);
  assert.equal(claim.superseded?.id, jobFor(1).id);
  await journal.remember(known(2).id, checkpointFor(2, 'sending'));
  await journal.forget(jobFor(1).id);
  assert.deepEqual(
    (await all(journal.list())).map(({ job }) => job.id),
    [jobFor(2).id],
  );
});

test('where a later run goes by path, what it leaves unfinished is known by that alone', async () => {
  await leaveUnfinished(known(1), 'sending');
  await leaveUnfinished(jobFor(1), 'sending');
  const claim = await world.begin().then((journal) => journal.claim(known(2)));
  assert.deepEqual(claim, { kind: 'ours', changedOptions: [] });
});
