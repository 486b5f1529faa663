import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Effort, Job } from '../../src/core/model.js';
import { uploadOne } from '../../src/pipeline/upload-one.js';
import { parseFaultRule } from '../../src/sandbox/faults.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';

describe('a cover that cannot be uploaded', () => {
  let world: TestWorld;
  let job: Job;

  beforeEach(async () => {
    // The media goes in parts: single PUTs are the cover's.
    world = await createWorld({ retries: 1, partSize: MIB });
    const media = join(world.dir, 'a.mp4');
    const cover = join(world.dir, 'a.jpg');
    writeFileSync(media, randomBytes(3 * MIB));
    writeFileSync(cover, randomBytes(1000));
    job = await jobOf(media, cover);
  });
  afterEach(() => world.close());

  const fail = (faults: string) => world.sandbox.addFaults(parseFaultRule(faults));
  const upload = (dropsCovers: boolean, before?: Effort) =>
    uploadOne(job, { ...world.ports, dropsCovers }, new AbortController().signal, before);

  test('fails its job', async () => {
    fail('PutObject:500*2');
    const outcome = await upload(false);
    assert.ok(outcome.status === 'failed');
    assert.equal(outcome.failure.facts.stage, 'upload-cover');
    assert.deepEqual(
      world.sandbox.sessions().map(({ commits }) => commits),
      [0],
    );
  });

  test('is dropped on request: the media is uploaded once, without it, and says so', async () => {
    fail('PutObject:400');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.job.cover, undefined);
    assert.equal(outcome.receipt.coverUrl, null);
    assert.equal(outcome.effort.attempts, 2);
    const warnings = world.events.flatMap((event) =>
      event.type === 'warning' ? [event.message] : [],
    );
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /a\.mp4.*without its cover/);
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
    fail('PutObject:503*4');
    const first = await upload(true);
    assert.ok(first.status === 'failed');
    const outcome = await upload(true, first.effort);
    assert.ok(outcome.status === 'uploaded');
    assert.equal(outcome.receipt.coverUrl, null);
  });

  test('is not dropped where the key may not upload: that halts the run', async () => {
    fail('PutObject:AccessDenied');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'failed');
    assert.equal(outcome.failure.code, 'permission-denied');
    assert.equal(world.sandbox.sessions().length, 1);
  });

  test('stays dropped where another run goes on with the media', async () => {
    // Both tries of a part in the session without the cover, whatever the first session had of it.
    fail('PutObject:400');
    fail('UploadPart#3:500*4');
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

  test('is kept in the session that replaces an expired one', async () => {
    fail('PutObject:ExpiredToken');
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
      fail(fault);
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
    ['InitiateMultipartUpload', 'UploadPart'].forEach((name) => fail(`${name}:close-after`));
    fail('PutObject:reset*2');
    const outcome = await upload(true);
    assert.ok(outcome.status === 'failed');
    assert.equal(outcome.failure.code, 'network');
    const again = await upload(true);
    assert.ok(again.status === 'uploaded');
    assert.notEqual(again.receipt.coverUrl, null);
    assert.equal(world.sandbox.sessions().length, 1);
  });
});
