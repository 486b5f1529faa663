import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { Effort, Job } from '../../src/core/model.js';
import { uploadOne } from '../../src/pipeline/upload-one.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';

const networkFails = async (): Promise<never> => {
  throw new UploadFailure('network', 'no answer', { ambiguous: true });
};

describe('a cover that cannot be uploaded', () => {
  let world: TestWorld;
  let job: Job;

  beforeEach(async () => {
    // The media goes in parts: single PUTs are the cover's.
    world = await createWorld({ retries: 1, partSize: MIB });
    job = await jobOf(await world.write('a.mp4', 3 * MIB), await world.write('a.jpg', 1000));
  });
  afterEach(() => world.close());

  const upload = (dropsCovers: boolean, before?: Effort) =>
    uploadOne(job, { ...world.ports, dropsCovers }, new AbortController().signal, before);

  /** A run that drops the cover, and fails at the end of the media. */
  async function failWithoutCover(): Promise<void> {
    world.sandbox.fail('PutObject:400');
    world.cos.complete = networkFails;
    assert.equal((await upload(true)).status, 'failed');
    world.restart();
  }

  test('fails its job', async () => {
    world.sandbox.fail('PutObject:500*2');
    const outcome = await upload(false);
    assert.ok(outcome.status === 'failed');
    assert.equal(outcome.failure.facts.stage, 'upload-cover');
    assert.deepEqual(
      world.sandbox.sessions().map(({ commits }) => commits),
      [0],
    );
  });

  test('is dropped on request: the media is uploaded once, without it, and says so', async () => {
    world.sandbox.fail('PutObject:400');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.job.cover, undefined);
    assert.equal(outcome.receipt.coverUrl, null);
    assert.equal(outcome.effort.attempts, 2);
    assert.equal(world.warnings.length, 1);
    assert.match(world.warnings[0] ?? '', /a\.mp4.*without its cover/);
    assert.deepEqual(
      world.sandbox.sessions().map(({ coverKey, commits }) => [coverKey !== null, commits]),
      [
        [true, 0],
        [false, 1],
      ],
    );
    assert.deepEqual(world.sandbox.openUploads(), []);
  });

  test('is dropped where it is gone before its session begins', async () => {
    await rm(job.cover?.path ?? '');
    const failed = await upload(false);
    assert.ok(failed.status === 'failed');
    assert.equal(failed.failure.facts.stage, 'upload-cover');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.receipt.coverUrl, null);
    assert.match(world.warnings.join('\n'), /without its cover: .*a\.jpg does not exist any more/);
    assert.equal(world.sandbox.sessions().length, 1);
  });

  test('is dropped where it changes once it has been sent', async () => {
    const { complete } = world.cos;
    world.cos.complete = async (...call) => {
      await world.write('a.jpg', 2000);
      return complete(...call);
    };
    const outcome = await upload(true);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.receipt.coverUrl, null);
    assert.deepEqual(
      world.sandbox.sessions().map(({ coverKey, commits }) => [coverKey !== null, commits]),
      [
        [true, 0],
        [false, 1],
      ],
    );
    assert.deepEqual(world.sandbox.openUploads(), []);
  });

  test('is dropped where the service fails at the second try of the run as well', async () => {
    world.sandbox.fail('PutObject:503*4');
    const first = await upload(true);
    assert.ok(first.status === 'failed');
    const outcome = await upload(true, first.effort);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.receipt.coverUrl, null);
  });

  test('is not dropped where the key may not upload: that halts the run', async () => {
    world.sandbox.fail('PutObject:AccessDenied');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'failed');
    assert.equal(outcome.failure.code, 'permission-denied');
    assert.equal(world.sandbox.sessions().length, 1);
  });

  test('stays dropped where another run goes on with the media', async () => {
    // Both tries of a part in the session without the cover, whatever the first session had of it.
    world.sandbox.fail('PutObject:400', 'UploadPart#3:500*4');
    let outcome = await upload(true);
    assert.ok(outcome.status === 'failed');
    assert.equal(outcome.failure.facts.stage, 'upload-media');
    assert.equal(world.sandbox.sessions().length, 2);
    for (let tries = 0; tries < 3 && outcome.status === 'failed'; tries++) {
      world.restart();
      outcome = await upload(true);
    }
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.job.cover, undefined);
    assert.equal(world.sandbox.sessions().length, 2);
  });

  test('stays dropped where what was begun is only finished', async () => {
    await failWithoutCover();
    const ports = { ...world.ports, dropsCovers: false, finishes: true };
    const outcome = await uploadOne(job, ports, new AbortController().signal);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.receipt.coverUrl, null);
    assert.equal(world.sandbox.sessions().length, 2);
  });

  test('is uploaded by a run that drops no covers, in a session of its own', async () => {
    await failWithoutCover();
    const outcome = await upload(false);
    assert.ok(outcome.status === 'uploaded');
    assert.notEqual(outcome.receipt.coverUrl, null);
    assert.deepEqual(
      world.sandbox.sessions().map(({ coverKey, commits }) => [coverKey !== null, commits]),
      [
        [true, 0],
        [false, 0],
        [true, 1],
      ],
    );
    assert.deepEqual(world.sandbox.openUploads(), []);
  });

  test('stays dropped, with a warning, where the media may exist without it', async () => {
    world.sandbox.fail('PutObject:400');
    world.vod.commitUpload = networkFails;
    world.vod.findMedia = networkFails;
    assert.equal((await upload(true)).status, 'unknown');
    world.restart();
    const outcome = await upload(false);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.receipt.coverUrl, null);
    assert.match(
      world.warnings.at(-1) ?? '',
      /was begun with other options \(cover\): the media may/,
    );
    assert.equal(world.sandbox.sessions().length, 2);
  });

  test('is kept in the session that replaces an expired one', async () => {
    world.sandbox.fail('PutObject:ExpiredToken');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'uploaded');
    assert.notEqual(outcome.receipt.coverUrl, null);
    assert.equal(world.sandbox.sessions().length, 2);
  });

  for (const [where, fault, code] of [
    ['the service has too much to do', 'PutObject:SlowDown*2', 'throttled'],
    ['the service fails', 'PutObject:503*2', 'service-unavailable'],
    ['one session after the other expires', 'PutObject:ExpiredToken*2', 'session-expired'],
  ] as const) {
    test(`is kept where ${where}`, async () => {
      world.sandbox.fail(fault);
      const outcome = await upload(true);
      assert.ok(outcome.status === 'failed');
      assert.equal(outcome.failure.code, code);
      const again = await upload(true);
      assert.ok(again.status === 'uploaded');
      assert.notEqual(again.receipt.coverUrl, null);
    });
  }

  test('is kept, with all that was sent, where it is the network that fails', async () => {
    // On a connection that carried another request a reset would be repeated for nothing.
    world.sandbox.fail('InitiateMultipartUpload:close-after', 'UploadPart:close-after');
    world.sandbox.fail('PutObject:reset*2');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'failed');
    assert.equal(outcome.failure.code, 'network');
    const again = await upload(true);
    assert.ok(again.status === 'uploaded');
    assert.notEqual(again.receipt.coverUrl, null);
    assert.equal(world.sandbox.sessions().length, 1);
  });
});
