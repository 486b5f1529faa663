import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { SourceFile } from '../../src/core/model.js';
import { uploadOne } from '../../src/pipeline/upload-one.js';
import { advance, emptyTally } from '../../src/report/tally.js';
import { createWorld, jobOf, MIB } from '../helpers/world.js';

test('a job that failed and was tried once more at the end tells the cost of both tries', async () => {
  // Three times is once more than one try repeats a request.
  const world = await createWorld({ slots: 1, retries: 2, faults: ['UploadPart#2:500*3'] });
  try {
    const path = join(world.dir, 'victim.mp4');
    writeFileSync(path, randomBytes(3 * MIB));
    const [outcome, ...others] = await world.run([await jobOf(path)]);
    assert.deepEqual(others, []);
    assert.ok(outcome?.status === 'uploaded');
    const { attempts, bytesSent, bytesResumed } = outcome.effort;
    assert.deepEqual(
      { attempts, bytesSent, bytesResumed },
      { attempts: 2, bytesSent: 3 * MIB, bytesResumed: 0 },
    );
  } finally {
    await world.close();
  }
});

test('a job that waits for its second try is not in flight', async () => {
  const world = await createWorld({ slots: 1, retries: 0, faults: ['PutObject:500'] });
  try {
    const path = join(world.dir, 'victim.mp4');
    writeFileSync(path, randomBytes(1000));
    const [outcome] = await world.run([await jobOf(path)]);
    assert.equal(outcome?.status, 'uploaded');
    const starts = world.events.flatMap(({ type }, at) => (type === 'job-started' ? [at] : []));
    assert.equal(starts.length, 2);
    const before = world.events.slice(0, starts[1]).reduce(advance, emptyTally());
    assert.equal(before.active.size, 0);
  } finally {
    await world.close();
  }
});

test('a job that another run takes before its second try tells the cost of the first', async () => {
  const world = await createWorld({ slots: 1, retries: 0, faults: ['UploadPart#2:500'] });
  try {
    const path = join(world.dir, 'victim.mp4');
    writeFileSync(path, randomBytes(3 * MIB));
    const { journal } = world;
    const [release, claimed] = [journal.release, journal.claimed];
    journal.release = async (id) => {
      await release(id);
      claimed.add(id);
    };
    const [outcome] = await world.run([await jobOf(path)]);
    assert.ok(outcome?.status === 'skipped');
    assert.equal(outcome.reason, 'held-by-other-run');
    assert.equal(outcome.effort?.attempts, 1);
    assert.ok(outcome.effort.bytesSent >= MIB);
  } finally {
    await world.close();
  }
});

test('what was stored is not sent again where the last look at the file failed', async () => {
  const world = await createWorld();
  try {
    const path = join(world.dir, 'victim.mp4');
    writeFileSync(path, randomBytes(1000));
    const job = await jobOf(path);
    const { signal } = new AbortController();
    let looks = 0;
    const assertUnchanged = async (): Promise<void> => {
      looks += 1;
      if (looks === 2) throw new UploadFailure('read-error', 'the disk is away');
    };
    const sourceOf = (file: SourceFile) => ({ ...world.ports.sourceOf(file), assertUnchanged });
    const first = await uploadOne(job, { ...world.ports, sourceOf }, signal);
    assert.equal(first.status, 'failed');
    const second = await uploadOne(job, world.ports, signal);
    assert.ok(second.status === 'uploaded');
    assert.equal(second.effort.bytesSent, 0);
  } finally {
    await world.close();
  }
});
