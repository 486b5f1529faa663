import { strict as assert } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import type { JobId } from '../../src/core/ids.js';
import type { Checkpoint } from '../../src/core/model.js';
import type { Superseded } from '../../src/core/ports.js';
import {
  JournalWorld,
  all,
  checkpointFor,
  isUnwritable,
  jobFor,
  receiptFor,
  withoutSecrets,
} from './journal-world.js';

const HOUR_MS = 3_600_000;

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

test('a checkpoint comes back whole to the next run', async () => {
  const journal = await world.begin();
  const checkpoint = checkpointFor(1, 'sending');
  assert.deepEqual(await journal.claim(jobFor(1)), { kind: 'ours', changedOptions: [] });
  await journal.remember(jobFor(1).id, checkpoint);
  await world.end(journal);
  assert.deepEqual(await world.claimAnew(1), {
    kind: 'ours',
    changedOptions: [],
    checkpoint,
    begun: jobFor(1),
  });
});

test('what force has begun is finished by who asks for what is unfinished, and by nobody else', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.settle(jobFor(1), receiptFor(1));
  await world.end(journal);
  await world.leaveUnfinished(jobFor(1), checkpointFor(1, 'sending'), { force: true });
  assert.equal((await world.claimAnew(1)).kind, 'uploaded');
  const claim = await world.claimAnew(1, { finishes: true });
  assert.ok(claim.kind === 'ours' && claim.checkpoint);
  const ended = await world.begin({ finishes: true });
  await ended.claim(jobFor(1));
  await ended.settle(jobFor(1), receiptFor(1));
  assert.equal((await ended.claim(jobFor(1))).kind, 'uploaded');
});

test('one job is held once, be it by another run or by this one', async () => {
  const [one, other] = [await world.begin(), await world.begin()];
  assert.equal((await one.claim(jobFor(1))).kind, 'ours');
  assert.equal((await one.claim(jobFor(1))).kind, 'held');
  assert.equal((await other.claim(jobFor(1))).kind, 'held');
  await one.release(jobFor(1).id);
  assert.equal((await other.claim(jobFor(1))).kind, 'ours');
  await world.end(other);
  assert.equal((await one.claim(jobFor(1))).kind, 'ours');
});

test('a claim from a host that cannot be looked at lasts five minutes without renewal', async () => {
  let now = Date.now();
  const far = await world.begin({ host: 'elsewhere', now: () => new Date(now) });
  await far.claim(jobFor(1));
  const near = await world.begin({ now: () => new Date(now) });
  now += 4 * 60_000;
  assert.equal((await near.claim(jobFor(1))).kind, 'held');
  now += 2 * 60_000;
  assert.equal((await near.claim(jobFor(1))).kind, 'ours');
});

test('a run that has corrected its clock is not taken for dead by one that has not', async () => {
  const aheadMs = 10 * 60_000;
  const corrected = await world.begin({
    host: 'elsewhere',
    now: () => new Date(Date.now() - aheadMs),
    clockOffsetMs: () => -aheadMs,
  });
  await corrected.claim(jobFor(1));
  const other = await world.begin();
  assert.equal((await other.claim(jobFor(1))).kind, 'held');
  assert.equal((await other.gc()).claims, 0);
});

test('a run that has lost its claim can write nothing more about the job', async () => {
  let now = Date.now();
  const far = await world.begin({ host: 'elsewhere', now: () => new Date(now) });
  await far.claim(jobFor(1));
  await far.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  now += 6 * 60_000;
  const near = await world.begin({ now: () => new Date(now) });
  assert.equal((await near.claim(jobFor(1))).kind, 'ours');
  await assert.rejects(
    far.remember(jobFor(1).id, checkpointFor(1, 'committing')),
    isUnwritable('videos/1.mp4'),
  );
});

test('a checkpoint without its secrets, or with those of another session, is superseded', async () => {
  const checkpoint = checkpointFor(1, 'assembled');
  for (const damage of ['', '{"v":1', '{"v":1,"tag":"other","sessionKey":"k"}']) {
    await world.leaveUnfinished(jobFor(1), checkpoint);
    await damageSessions(damage);
    assert.deepEqual(await world.claimAnew(1), {
      kind: 'ours',
      changedOptions: [],
      superseded: supersededAs('session-over', withoutSecrets(checkpoint)),
    });
  }
});

test('a commit that may have happened is in force without its secrets, whoever asks, and is listed', async () => {
  const checkpoint = checkpointFor(1, 'committing');
  const expected = withoutSecrets(checkpoint);
  for (const damage of ['', '{"v":1', '{"v":1,"tag":"other","sessionKey":"k"}']) {
    await world.leaveUnfinished(jobFor(1), checkpoint);
    await damageSessions(damage);
    for (const resume of [true, false]) {
      const claim = await world.claimAnew(1, { resume });
      assert.deepEqual(claim.kind === 'ours' && claim.checkpoint, expected);
    }
    const journal = await world.begin();
    const changed = await journal.claim(jobFor(1, { version: 1 }));
    assert.deepEqual(changed.kind === 'ours' && changed.superseded?.checkpoint, expected);
    await journal.release(jobFor(1, { version: 1 }).id);
    await journal.gc();
    const [listed] = await all(journal.list());
    assert.deepEqual([listed?.phase, listed?.resumable], ['committing', true]);
    const taken = await journal.claimUnfinished(jobFor(1).id);
    assert.deepEqual(taken?.kind === 'ours' && taken.checkpoint, expected);
    await journal.forget(jobFor(1).id);
    await world.end(journal);
  }
});

async function damageSessions(text: string): Promise<void> {
  for (const path of await world.files()) {
    if (path.includes('/sessions/')) await writeFile(path, text);
  }
}

/** What is unfinished of job 1, and why it is not gone on with. */
function supersededAs(reason: Superseded['reason'], checkpoint: Checkpoint): Superseded {
  return { job: jobFor(1), checkpoint, reason };
}

test('past its expiry a session can only be committed, or handed over to be aborted', async () => {
  for (const [phase, isUsable] of [
    ['sending', false],
    ['assembled', true],
    ['committing', true],
  ] as const) {
    const checkpoint = checkpointFor(1, phase);
    await world.leaveUnfinished(jobFor(1), checkpoint);
    const claim = await world.claimAnew(1, { now: () => new Date(Date.now() + 2 * HOUR_MS) });
    assert.deepEqual(claim, {
      kind: 'ours',
      changedOptions: [],
      ...(isUsable
        ? { checkpoint, begun: jobFor(1) }
        : { superseded: supersededAs('session-over', checkpoint) }),
    });
  }
});

test('without resume an unfinished session is superseded, unless its commit may have happened', async () => {
  for (const phase of ['sending', 'assembled', 'committing'] as const) {
    const checkpoint = checkpointFor(1, phase);
    await world.leaveUnfinished(jobFor(1), checkpoint);
    assert.deepEqual(await world.claimAnew(1, { resume: false }), {
      kind: 'ours',
      changedOptions: [],
      ...(phase === 'committing'
        ? { checkpoint, begun: jobFor(1) }
        : { superseded: supersededAs('no-resume', checkpoint) }),
    });
  }
});

test('without resume a run goes on with what it has begun itself', async () => {
  const journal = await world.begin({ resume: false });
  await journal.claim(jobFor(1));
  const checkpoint = checkpointFor(1, 'sending');
  await journal.remember(jobFor(1).id, checkpoint);
  await journal.release(jobFor(1).id);
  assert.deepEqual(await journal.claim(jobFor(1)), {
    kind: 'ours',
    changedOptions: [],
    checkpoint,
    begun: jobFor(1),
  });
});

test('the session of a file that has changed since is handed over to be aborted', async () => {
  const checkpoint = checkpointFor(1, 'sending');
  await world.leaveUnfinished(jobFor(1), checkpoint);
  const [second, third] = [await world.begin(), await world.begin()];
  const changed = jobFor(1, { version: 1 });
  assert.deepEqual(await second.claim(changed), {
    kind: 'ours',
    changedOptions: [],
    superseded: supersededAs('other-media', checkpoint),
  });
  assert.equal((await third.claim(jobFor(1))).kind, 'held');
  await second.forget(jobFor(1).id);
  assert.equal(await world.hasSecretsOf(1), false);
  await second.release(changed.id);
  assert.deepEqual(await third.claim(jobFor(1)), { kind: 'ours', changedOptions: [] });
});

test('an earlier state of a file that is gone on with leaves the later one alone', async () => {
  const changed = jobFor(1, { version: 1 });
  const first = await world.begin();
  await first.claim(jobFor(1));
  await first.remember(jobFor(1).id, checkpointFor(1, 'committing'));
  await first.claim(changed);
  await first.remember(changed.id, checkpointFor(2, 'sending'));
  await world.end(first);
  const second = await world.begin();
  for (const [job, phase] of [
    [jobFor(1), 'committing'],
    [changed, 'sending'],
  ] as const) {
    const claim = await second.claim(job);
    assert.equal(claim.kind === 'ours' && claim.checkpoint?.phase, phase);
  }
});

test('of an earlier state that has expired the later one is not superseded', async () => {
  const changed = jobFor(1, { version: 1 });
  const first = await world.begin();
  await first.claim(jobFor(1));
  const expired = checkpointFor(1, 'sending', new Date(0));
  await first.remember(jobFor(1).id, expired);
  await first.claim(changed);
  await first.remember(changed.id, checkpointFor(2, 'committing'));
  await world.end(first);
  const second = await world.begin();
  assert.deepEqual(await second.claimUnfinished(jobFor(1).id), {
    kind: 'ours',
    changedOptions: [],
    superseded: supersededAs('session-over', expired),
  });
});

test('a playlist whose segments have changed begins anew', async () => {
  const segment = { ...jobFor(9).media, relativeKey: 'a.ts' };
  await world.leaveUnfinished(jobFor(1, { segments: [segment] }), checkpointFor(1, 'sending'));
  const second = await world.begin();
  const claim = await second.claim(jobFor(1, { segments: [{ ...segment, mtimeNs: 5n }] }));
  assert.ok(claim.kind === 'ours' && claim.checkpoint === undefined);
  assert.equal(claim.superseded?.reason, 'other-files');
  assert.deepEqual(claim.superseded.job.segments, [segment]);
});

test('unfinished jobs are listed, taken by their id, and forgotten', async () => {
  const first = await world.begin();
  const numbers = Array.from({ length: 120 }, (_, number) => number);
  await Promise.all(
    numbers.map(async (number) => {
      await first.claim(jobFor(number));
      await first.remember(jobFor(number).id, checkpointFor(number, 'sending'));
    }),
  );
  await first.release(jobFor(1).id);
  const second = await world.begin();
  const listed = await all(second.list());
  assert.equal(listed.length, numbers.length);
  const free = listed.filter(({ holder }) => holder === undefined);
  assert.deepEqual(
    free.map(({ job }) => job),
    [jobFor(1)],
  );
  assert.equal(free[0]?.resumable, true);
  assert.equal((await second.claimUnfinished(jobFor(2).id))?.kind, 'held');
  const taken = await second.claimUnfinished(jobFor(1).id);
  assert.ok(taken?.kind === 'ours' && taken.checkpoint?.phase === 'sending');
  await second.forget(jobFor(1).id);
  assert.equal(await second.claimUnfinished(jobFor(1).id), undefined);
  assert.equal((await all(second.list())).length, numbers.length - 1);
});

test('calls for one job take effect in the order in which they were made', async () => {
  const journal = await world.begin();
  const { id } = jobFor(1);
  await journal.claim(jobFor(1));
  await Promise.all([
    journal.remember(id, checkpointFor(1, 'sending')),
    journal.remember(id, checkpointFor(2, 'assembled')),
    journal.remember(id, checkpointFor(3, 'committing')),
  ]);
  assert.equal((await all(journal.list()))[0]?.session.mediaKey, 'dir/3.mp4');
});

test('a job that was not claimed cannot be remembered', async () => {
  const journal = await world.begin();
  await assert.rejects(journal.remember('x' as JobId, checkpointFor(1, 'sending')), /not claimed/);
});

test('thousands of jobs later, what was claimed at first is still held', async () => {
  const journal = await world.begin();
  const numbers = Array.from({ length: 10_000 }, (_, number) => number);
  await Promise.all(numbers.map((number) => journal.claim(jobFor(number))));
  await journal.remember(jobFor(0).id, checkpointFor(0, 'sending'));
  assert.equal((await journal.claim(jobFor(0))).kind, 'held');
  assert.equal((await all(journal.list()))[0]?.phase, 'sending');
});
