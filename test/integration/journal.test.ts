import type { Receipt } from '../../src/core/model.js';
import { strict as assert } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { JobId } from '../../src/core/ids.js';
import type { Job } from '../../src/core/model.js';
import type { JournalOptions, OpenJournal } from '../../src/journal/journal.js';
import {
  JournalWorld,
  all,
  checkpointFor,
  isUnwritable,
  jobFor,
  receiptFor,
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

test('an uploaded file is known with its receipt, and is claimed only by force', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.remember(jobFor(1).id, checkpointFor(1, 'committing'));
  await journal.settle(jobFor(1), receiptFor(1));
  assert.deepEqual(await world.claimAnew(1), {
    kind: 'uploaded',
    receipt: receiptFor(1),
    isBegunAnew: false,
    was: { mediaName: '1', mediaType: 'mp4' },
    changedOptions: [],
  });
  assert.deepEqual(await world.claimAnew(1, { force: true }), { kind: 'ours', changedOptions: [] });
});

test('what force has begun is finished by who asks for what is unfinished, and by nobody else', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.settle(jobFor(1), receiptFor(1));
  await world.end(journal);
  const forced = await world.begin({ force: true });
  await forced.claim(jobFor(1));
  await forced.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  await world.end(forced);
  assert.equal((await world.claimAnew(1)).kind, 'uploaded');
  const claim = await world.claimAnew(1, { finishes: true });
  assert.ok(claim.kind === 'ours' && claim.checkpoint);
  const ended = await world.begin({ finishes: true });
  await ended.claim(jobFor(1));
  await ended.settle(jobFor(1), receiptFor(1));
  assert.equal((await ended.claim(jobFor(1))).kind, 'uploaded');
});

test('a media that was uploaded without its cover is told from one with it', async () => {
  const journal = await world.begin();
  const job = { ...jobFor(1, { request: { coverType: 'jpg' } }), cover: jobFor(2).media };
  await journal.claim(job);
  await journal.settle(job, receiptFor(1));
  const again = await journal.claim(job);
  assert.deepEqual(again.kind === 'uploaded' && again.changedOptions, ['cover']);
});

test('options that changed since the upload are named, a moving expiry is not', async () => {
  const journal = await world.begin();
  const expiry = { expireTime: '2030-01-01T00:00:00Z', isExpiryRelative: true };
  const first = jobFor(1, { request: { procedure: 'a', ...expiry } });
  await journal.claim(first);
  await journal.settle(first, receiptFor(1));
  const later = { ...expiry, expireTime: '2031-01-01T00:00:00Z' };
  const again = jobFor(1, { request: { procedure: 'b', classId: 7, ...later } });
  const claim = await journal.claim(again);
  assert.deepEqual(claim.kind === 'uploaded' && claim.changedOptions, ['classId', 'procedure']);
});

test('a media whose storage path another file was sent to counts as uploaded no more', async () => {
  const at = { request: { mediaStoragePath: '/clips/a.mp4' } };
  const receipt = (number: number): Receipt => ({
    ...receiptFor(number),
    storage: { bucket: 'b-1', region: 'ap-chongqing', path: '/clips/a.mp4' },
  });
  const journal = await world.begin();
  await journal.claim(jobFor(1, at));
  assert.equal(await journal.settle(jobFor(1, at), receipt(1)), undefined);
  const newer = { ...at, version: 1 };
  await journal.claim(jobFor(1, newer));
  assert.equal(await journal.settle(jobFor(1, newer), receipt(2)), undefined);
  await journal.claim(jobFor(2, at));
  const { fileId } = receipt(2);
  const replaced = { fileId, source: '/srv/videos/1.mp4' };
  assert.deepEqual(await journal.settle(jobFor(2, at), receipt(3)), replaced);
  assert.equal((await journal.claim(jobFor(2, at))).kind, 'uploaded');
  assert.equal((await journal.claim(jobFor(1, at))).kind, 'ours');
  assert.equal((await journal.claim(jobFor(1, newer))).kind, 'ours');
});

test('a media that has left a storage path is not replaced by who comes there', async () => {
  const at = (path?: string) => ({ request: path === undefined ? {} : { mediaStoragePath: path } });
  const receipt = (number: number, path: string): Receipt => ({
    ...receiptFor(number),
    storage: { bucket: 'b-1', region: 'ap-chongqing', path },
  });
  const journal = await world.begin();
  for (const left of ['/clips/other.mp4', undefined]) {
    await journal.settle(jobFor(1, at('/clips/a.mp4')), receipt(1, '/clips/a.mp4'));
    await journal.settle(jobFor(1, at(left)), receipt(2, left ?? '/chosen/a.mp4'));
    const replaced = await journal.settle(
      jobFor(2, at('/clips/a.mp4')),
      receipt(3, '/clips/a.mp4'),
    );
    assert.equal(replaced, undefined);
    assert.equal((await journal.claim(jobFor(1, at(left)))).kind, 'uploaded');
  }
});

test('a media that was replaced counts as uploaded under none of its times', async () => {
  const at = { request: { mediaStoragePath: '/clips/a.mp4' } };
  const storage = { bucket: 'b-1', region: 'ap-chongqing', path: '/clips/a.mp4' };
  const { crc64 } = receiptFor(1);
  assert.ok(crc64);
  const journal = await world.begin();
  await journal.settle(jobFor(1, at), { ...receiptFor(1), storage });
  const first = jobFor(1, at);
  const touched = { ...first, id: jobFor(9).id, crc64 };
  assert.equal((await journal.claim(touched)).kind, 'uploaded');
  const other = { ...receiptFor(2), storage, crc64: '1' };
  const replaced = { fileId: receiptFor(1).fileId, source: '/srv/videos/1.mp4' };
  assert.deepEqual(await journal.settle(jobFor(2, at), other), replaced);
  assert.equal((await journal.claim(touched)).kind, 'ours');
});

test('a job that is gone on with keeps the options that its session was begun with', async () => {
  const first = await world.begin();
  await first.claim(jobFor(1, { request: { procedure: 'a' } }));
  await first.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  await world.end(first);
  const changed = jobFor(1, { request: { procedure: 'b' } });
  const second = await world.begin();
  const claim = await second.claim(changed);
  assert.deepEqual(claim.kind === 'ours' && claim.changedOptions, ['procedure']);
  assert.equal(claim.kind === 'ours' && claim.begun?.request.procedure, 'a');
  await second.remember(changed.id, checkpointFor(1, 'committing'));
  await second.settle(changed, receiptFor(1));
  const settled = await second.claim(changed);
  assert.deepEqual(settled.kind === 'uploaded' && settled.changedOptions, ['procedure']);
});

test('of a job whose commit may have happened the columns of now count, else those of then', async () => {
  const first = await world.begin();
  const listed = (ticket: string): Job => ({ ...jobFor(1), extra: { ticket } });
  await first.claim(listed('then'));
  await first.remember(jobFor(1).id, checkpointFor(1, 'committing'));
  await world.end(first);
  for (const [job, ticket] of [
    [listed('now'), 'now'],
    [jobFor(1), 'then'],
  ] as const) {
    const journal = await world.begin();
    const claim = await journal.claim(job);
    assert.deepEqual(claim.kind === 'ours' && claim.begun?.extra, { ticket });
    await world.end(journal);
  }
});

test('a session begun anew counts with the options of now', async () => {
  const first = await world.begin();
  await first.claim(jobFor(1, { request: { procedure: 'a' } }));
  await first.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  await world.end(first);
  const changed = jobFor(1, { request: { procedure: 'b' } });
  const second = await world.begin();
  await second.claim(changed);
  await second.forget(changed.id);
  await second.remember(changed.id, checkpointFor(2, 'sending'));
  await second.settle(changed, receiptFor(1));
  const settled = await second.claim(changed);
  assert.deepEqual(settled.kind === 'uploaded' && settled.changedOptions, []);
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

test('a checkpoint without its secrets, or with those of another session, is none', async () => {
  for (const damage of ['', '{"v":1', '{"v":1,"tag":"other","sessionKey":"k"}']) {
    const journal = await world.begin();
    const claim = await journal.claim(jobFor(1));
    assert.deepEqual(claim, { kind: 'ours', changedOptions: [] }, damage);
    await journal.remember(jobFor(1).id, checkpointFor(1, 'committing'));
    await world.end(journal);
    for (const path of await world.files()) {
      if (path.includes('/sessions/')) await writeFile(path, damage);
    }
  }
});

test('past its expiry a session can only be committed', async () => {
  for (const [phase, isUsable] of [
    ['sending', false],
    ['assembled', true],
    ['committing', true],
  ] as const) {
    const journal = await world.begin();
    await journal.claim(jobFor(1));
    await journal.remember(jobFor(1).id, checkpointFor(1, phase));
    await world.end(journal);
    const claim = await world.claimAnew(1, { now: () => new Date(Date.now() + 2 * HOUR_MS) });
    assert.equal(claim.kind === 'ours' && claim.checkpoint?.phase, isUsable ? phase : undefined);
  }
});

test('without resume an unfinished session is superseded, unless its commit may have happened', async () => {
  for (const phase of ['sending', 'assembled', 'committing'] as const) {
    const journal = await world.begin();
    await journal.claim(jobFor(1));
    const checkpoint = checkpointFor(1, phase);
    await journal.remember(jobFor(1).id, checkpoint);
    await world.end(journal);
    assert.deepEqual(await world.claimAnew(1, { resume: false }), {
      kind: 'ours',
      changedOptions: [],
      ...(phase === 'committing'
        ? { checkpoint, begun: jobFor(1) }
        : { superseded: { id: jobFor(1).id, checkpoint, reason: 'no-resume' } }),
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
  const first = await world.begin();
  await first.claim(jobFor(1));
  const checkpoint = checkpointFor(1, 'sending');
  await first.remember(jobFor(1).id, checkpoint);
  await world.end(first);
  const [second, third] = [await world.begin(), await world.begin()];
  const changed = jobFor(1, { version: 1 });
  assert.deepEqual(await second.claim(changed), {
    kind: 'ours',
    changedOptions: [],
    superseded: { id: jobFor(1).id, checkpoint, reason: 'other-media' },
  });
  assert.equal((await third.claim(jobFor(1))).kind, 'held');
  await second.forget(jobFor(1).id);
  assert.deepEqual(await third.claim(jobFor(1)), { kind: 'ours', changedOptions: [] });
  assert.equal(await world.hasSecretsOf(1), false);
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
  await first.remember(jobFor(1).id, checkpointFor(1, 'sending', new Date(0)));
  await first.claim(changed);
  await first.remember(changed.id, checkpointFor(2, 'committing'));
  await world.end(first);
  const second = await world.begin();
  const expired = { kind: 'ours', changedOptions: [] };
  assert.deepEqual(await second.claimUnfinished(jobFor(1).id), expired);
});

test('a playlist whose segments have changed begins anew', async () => {
  const segment = { ...jobFor(9).media, relativeKey: 'a.ts' };
  const first = await world.begin();
  await first.claim(jobFor(1, { segments: [segment] }));
  await first.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  await world.end(first);
  const second = await world.begin();
  const claim = await second.claim(jobFor(1, { segments: [{ ...segment, mtimeNs: 5n }] }));
  assert.ok(claim.kind === 'ours' && claim.checkpoint === undefined);
  assert.deepEqual([claim.superseded?.id, claim.superseded?.reason], [jobFor(1).id, 'other-files']);
});

describe('where the content is known, it alone decides', () => {
  const crc64 = receiptFor(1).crc64 as string;
  const other = receiptFor(2).crc64 as string;

  async function afterUpload(changes: Partial<JournalOptions> = {}): Promise<OpenJournal> {
    const journal = await world.begin(changes);
    await journal.claim(jobFor(1));
    await journal.settle(jobFor(1), receiptFor(1));
    return journal;
  }

  test('the same bytes at another path were uploaded, and are known there from now on', async () => {
    const journal = await afterUpload();
    const copy = await journal.claim({ ...jobFor(2), crc64 });
    assert.deepEqual(copy.kind === 'uploaded' && copy.receipt, receiptFor(1));
    const byPath = await journal.claim(jobFor(2));
    assert.deepEqual(byPath.kind === 'uploaded' && byPath.receipt, receiptFor(1));
  });

  test('a copy stays uploaded where the file itself was uploaded again to another storage path', async () => {
    const at = (path: string) => ({ request: { mediaStoragePath: path } });
    const receipt = (number: number, path: string): Receipt => ({
      ...receiptFor(number),
      crc64,
      storage: { bucket: 'b-1', region: 'ap-chongqing', path },
    });
    const journal = await world.begin();
    await journal.settle({ ...jobFor(1, at('/x/a.mp4')), crc64 }, receipt(1, '/x/a.mp4'));
    assert.equal((await journal.claim({ ...jobFor(2), crc64 })).kind, 'uploaded');
    await journal.settle({ ...jobFor(1, at('/y/a.mp4')), crc64 }, receipt(2, '/y/a.mp4'));
    const copy = await journal.claim(jobFor(2));
    assert.equal(copy.kind === 'uploaded' && copy.receipt.fileId, receipt(1, '').fileId);
  });

  test('other bytes of the same path, size and time were not', async () => {
    const journal = await afterUpload();
    const rewritten = { ...jobFor(1), crc64: other };
    assert.equal((await journal.claim(rewritten)).kind, 'ours');
    await journal.settle(rewritten, receiptFor(2));
    assert.equal((await journal.claim(rewritten)).kind, 'uploaded');
    assert.equal((await journal.claim({ ...jobFor(1), crc64 })).kind, 'ours');
  });

  test('neither were the same bytes in another sub-application, service or size', async () => {
    const journal = await afterUpload();
    const elsewhere = await world.begin({ scope: 'vod.elsewhere' });
    const copies = [
      [journal, jobFor(2, { request: { subAppId: 8 } })],
      [journal, jobFor(2, { version: 1 })],
      [elsewhere, jobFor(3)],
    ] as const;
    for (const [at, copy] of copies) {
      assert.equal((await at.claim({ ...copy, crc64 })).kind, 'ours');
    }
  });

  test('a playlist goes by its path, since its bytes say nothing of its segments', async () => {
    const journal = await world.begin();
    const segments = [{ ...jobFor(9).media, relativeKey: 'a.ts' }];
    await journal.claim(jobFor(1, { segments }));
    await journal.settle(jobFor(1, { segments }), receiptFor(1));
    assert.equal((await journal.claim({ ...jobFor(2, { segments }), crc64 })).kind, 'ours');
    assert.equal((await journal.claim({ ...jobFor(3), crc64 })).kind, 'ours');
  });

  test('what was uploaded without verification is known by its path', async () => {
    const journal = await world.begin();
    await journal.claim(jobFor(1));
    await journal.settle(jobFor(1), { ...receiptFor(1), crc64: null });
    assert.equal((await journal.claim({ ...jobFor(1), crc64 })).kind, 'uploaded');
  });

  test('two paths with the same bytes are held once', async () => {
    const [one, two] = [await world.begin(), await world.begin()];
    assert.equal((await one.claim({ ...jobFor(1), crc64 })).kind, 'ours');
    assert.equal((await two.claim({ ...jobFor(2), crc64 })).kind, 'held');
    await one.release(jobFor(1).id);
    assert.equal((await two.claim({ ...jobFor(2), crc64 })).kind, 'ours');
  });

  test('what is whole in the bucket with other bytes is begun anew', async () => {
    const first = await world.begin();
    await first.claim(jobFor(1));
    await first.remember(jobFor(1).id, checkpointFor(1, 'assembled'));
    await world.end(first);
    const second = await world.begin();
    const claim = await second.claim({ ...jobFor(1), crc64 });
    assert.ok(claim.kind === 'ours' && claim.checkpoint === undefined);
    assert.equal(claim.superseded?.id, jobFor(1).id);
  });
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
