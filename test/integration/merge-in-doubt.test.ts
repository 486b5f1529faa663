import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Outcome } from '../../src/core/model.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';

const COMPLETE = 'CompleteMultipartUpload';

let world: TestWorld;

beforeEach(async () => {
  world = await createWorld({ retries: 1 });
});
afterEach(() => world.close());

/** A media with one file of two parts: its only one, its cover or its segment. */
const JOBS: Readonly<Record<string, () => Promise<Job>>> = {
  media: async () => jobOf(await world.write('a.mp4', MIB + 5)),
  cover: async () => jobOf(await world.write('a.mp4', 1000), await world.write('a.jpg', MIB + 5)),
  segment: async () => {
    const [job, { media }] = [
      await jobOf(await world.write('a.m3u8', 1000)),
      await jobOf(await world.write('1.ts', MIB + 5)),
    ];
    return { ...job, segments: [{ ...media, relativeKey: '1.ts' }] };
  },
};

async function run(job: Job, ...faults: readonly string[]): Promise<Outcome | undefined> {
  world.sandbox.fail(...faults);
  const [outcome] = await world.run([job]);
  return outcome;
}

/** A run that ends while its Complete is unanswered. */
async function interruptAtComplete(job: Job, fault: string): Promise<void> {
  world.sandbox.fail(`${COMPLETE}:${fault}`);
  const abort = new AbortController();
  const running = world.run([job], { abort: abort.signal });
  const isHeld = (): boolean =>
    world.sandbox.requests.some(({ operation, fault: met }) => operation === COMPLETE && met);
  while (!isHeld()) await sleep(10);
  // What is held after the deed has done it by then.
  await sleep(200);
  abort.abort(new Error('interrupted'));
  assert.deepEqual(
    (await running).map(({ status }) => status),
    ['interrupted'],
  );
  world.restart();
}

async function assertIsWhole(job: Job, outcome: Outcome | undefined, sessions: number) {
  assert.equal(outcome?.status, 'uploaded');
  assert.equal(world.sandbox.sessions().length, sessions, 'sessions');
  const committed = world.sandbox.committed();
  assert.equal(committed.length, 1);
  const { mediaKey = '', coverKey } = committed[0] ?? {};
  const folder = mediaKey.slice(0, mediaKey.lastIndexOf('/') + 1);
  const expected = [
    [mediaKey, job.media.path],
    ...(job.cover ? [[coverKey ?? '', job.cover.path]] : []),
    ...job.segments.map(({ relativeKey, path }) => [folder + relativeKey, path]),
  ] as const;
  for (const [key = '', path = ''] of expected) {
    const stored = await readFile(world.sandbox.objectPath(key));
    assert.ok(stored.equals(await readFile(path)), `${key} is ${path}, byte for byte`);
  }
}

describe('nothing is committed before all its files are in the bucket: of a Complete', () => {
  for (const role of ['cover', 'segment'] as const) {
    test(`that failed before the certificate ended, ${role}`, async () => {
      const job = await JOBS[role]!();
      await assertIsWhole(job, await run(job, `${COMPLETE}:503`, `${COMPLETE}:ExpiredToken`), 2);
    });

    test(`that was unanswered when the run ended, and the certificate is over, ${role}`, async () => {
      const job = await JOBS[role]!();
      await interruptAtComplete(job, 'hang');
      await assertIsWhole(job, await run(job, 'ListParts:ExpiredToken'), 2);
    });

    test(`that was unanswered, and COS tells neither upload nor object, ${role}`, async () => {
      const job = await JOBS[role]!();
      await interruptAtComplete(job, 'hang');
      await assertIsWhole(job, await run(job, 'ListParts:NoSuchUpload', 'HeadObject:403'), 2);
    });
  }

  for (const [role, createJob] of Object.entries(JOBS)) {
    test(`that was refused, since the upload is gone, ${role}`, async () => {
      const job = await createJob();
      const refusals = [`${COMPLETE}:NoSuchUpload*2`, 'ListParts:NoSuchUpload'];
      await assertIsWhole(job, await run(job, ...refusals), 3);
    });
  }
});

describe('what a Complete has merged is not sent again', () => {
  for (const [role, createJob] of Object.entries(JOBS)) {
    test(`where its answer was lost with the run, ${role}`, async () => {
      const job = await createJob();
      await interruptAtComplete(job, 'hang-after');
      const outcome = await run(job);
      await assertIsWhole(job, outcome, 1);
      const sent = world.sandbox.requests.filter(({ operation }) => operation === 'UploadPart');
      assert.equal(sent.length, 2);
      if (role !== 'media') return;
      assert.ok(outcome?.status === 'uploaded');
      assert.match(outcome.receipt.crc64 ?? '', /^\d+$/, 'the whole was compared');
    });
  }

  test('where its answer was lost and the certificate is over by then, media', async () => {
    const job = await JOBS['media']!();
    await interruptAtComplete(job, 'hang-after');
    const faults = ['ListParts:ExpiredToken', 'HeadObject:403'];
    await assertIsWhole(job, await run(job, ...faults), 1);
  });
});
