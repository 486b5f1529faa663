import { strict as assert } from 'node:assert';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Job, Receipt } from '../../src/core/model.js';
import type { JournalOptions, OpenJournal } from '../../src/journal/journal.js';
import { JournalWorld, checkpointFor, jobFor, receiptFor } from './journal-world.js';

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

test('an uploaded file is known with its receipt, and is claimed only by force', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.remember(jobFor(1).id, checkpointFor(1, 'committing'));
  await journal.settle(jobFor(1), receiptFor(1));
  assert.deepEqual(await world.claimAnew(1), {
    kind: 'uploaded',
    receipt: receiptFor(1),
    begunAnew: undefined,
    was: { mediaName: '1', mediaType: 'mp4' },
    changedOptions: [],
  });
  assert.deepEqual(await world.claimAnew(1, { force: true }), { kind: 'ours', changedOptions: [] });
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
    await world.upload(jobFor(1, at('/clips/a.mp4')), receipt(1, '/clips/a.mp4'));
    await world.upload(jobFor(1, at(left)), receipt(2, left ?? '/chosen/a.mp4'));
    const replaced = await world.upload(jobFor(2, at('/clips/a.mp4')), receipt(3, '/clips/a.mp4'));
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
  await world.upload(jobFor(1, at), { ...receiptFor(1), storage });
  const first = jobFor(1, at);
  const touched = { ...first, id: jobFor(9).id, crc64 };
  assert.equal((await journal.claim(touched)).kind, 'uploaded');
  const other = { ...receiptFor(2), storage, crc64: '1' };
  const replaced = { fileId: receiptFor(1).fileId, source: '/srv/videos/1.mp4' };
  assert.deepEqual(await world.upload(jobFor(2, at), other), replaced);
  assert.equal((await journal.claim(touched)).kind, 'ours');
});

test('a job that is gone on with keeps the options that its session was begun with', async () => {
  await world.leaveUnfinished(
    jobFor(1, { request: { procedure: 'a' } }),
    checkpointFor(1, 'sending'),
  );
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
  const listed = (ticket: string): Job => ({ ...jobFor(1), extra: { ticket } });
  await world.leaveUnfinished(listed('then'), checkpointFor(1, 'committing'));
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
  await world.leaveUnfinished(
    jobFor(1, { request: { procedure: 'a' } }),
    checkpointFor(1, 'sending'),
  );
  const changed = jobFor(1, { request: { procedure: 'b' } });
  const second = await world.begin();
  await second.claim(changed);
  await second.forget(changed.id);
  await second.remember(changed.id, checkpointFor(2, 'sending'));
  await second.settle(changed, receiptFor(1));
  const settled = await second.claim(changed);
  assert.deepEqual(settled.kind === 'uploaded' && settled.changedOptions, []);
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
    await world.upload({ ...jobFor(1, at('/x/a.mp4')), crc64 }, receipt(1, '/x/a.mp4'));
    assert.equal((await journal.claim({ ...jobFor(2), crc64 })).kind, 'uploaded');
    await world.upload({ ...jobFor(1, at('/y/a.mp4')), crc64 }, receipt(2, '/y/a.mp4'));
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
    const copies = [
      jobFor(2, { request: { subAppId: 8 } }),
      jobFor(2, { version: 1 }),
      { ...jobFor(3), scope: 'vod.elsewhere' },
    ];
    for (const copy of copies) {
      assert.equal((await journal.claim({ ...copy, crc64 })).kind, 'ours');
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
    await world.leaveUnfinished(jobFor(1), checkpointFor(1, 'assembled'));
    const second = await world.begin();
    const claim = await second.claim({ ...jobFor(1), crc64 });
    assert.ok(claim.kind === 'ours' && claim.checkpoint === undefined);
    assert.equal(claim.superseded?.job.id, jobFor(1).id);
  });
});
