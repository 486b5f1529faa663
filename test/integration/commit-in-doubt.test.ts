import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { UploadFailure } from '../../src/core/errors.js';
import type { ApplyRequest, Job, Outcome } from '../../src/core/model.js';
import type { Cos, Vod } from '../../src/core/ports.js';
import { uploadOne } from '../../src/pipeline/upload-one.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';
import { withoutSecrets } from './journal-world.js';

const HOURS_MS = 3 * 3_600_000;
const EIGHT_DAYS_MS = 8 * 86_400_000;

const cannotAsk: Vod['findMedia'] = () => Promise.reject(new UploadFailure('network', 'no answer'));

describe('a commit that was refused for certain', () => {
  for (const refusals of [
    ['UnauthorizedOperation', 'InvalidParameterValue.VodSessionKey'],
    // The session that replaces the first one is refused as well, in this try and in the next.
    Array.from({ length: 3 }, () => 'InvalidParameterValue.VodSessionKey'),
  ]) {
    test(`is in no doubt at the next run: ${refusals.join(', ')}`, async (t) => {
      const faults = refusals.map((code) => `CommitUpload:${code}`);
      const world = await createWorld({ retries: 0, faults });
      t.after(() => world.close());
      const job = await jobOf(await world.write('a.mp4', 1000));
      const { signal } = new AbortController();
      assert.equal((await uploadOne(job, world.ports, signal)).status, 'failed');
      assert.equal(world.journal.checkpoints.get(job.id)?.phase, 'assembled');
      world.restart();
      assert.equal((await uploadOne(job, world.ports, signal)).status, 'uploaded');
      assert.equal(world.sandbox.committed().length, 1);
    });
  }
});

describe('a commit of which nobody knows', () => {
  let world: TestWorld;

  beforeEach(async () => {
    world = await createWorld({ retries: 0 });
  });
  afterEach(() => world.close());

  async function jobTo(request: Partial<ApplyRequest>): Promise<Job> {
    const planned = await jobOf(await world.write('a.mp4', 1000));
    return { ...planned, request: { ...planned.request, ...request } };
  }

  /** What the same command says of it once the session has expired. */
  async function askLater(
    request: Partial<ApplyRequest> = {},
    laterMs = HOURS_MS,
  ): Promise<Outcome> {
    const job = await jobTo(request);
    world.sandbox.fail(
      'CommitUpload:InternalError',
      'CommitUpload:InvalidParameterValue.VodSessionKey',
    );
    const { signal } = new AbortController();
    await uploadOne(job, world.ports, signal);
    const now = (): Date => new Date(Date.now() + laterMs);
    return uploadOne(job, { ...world.ports, now }, signal);
  }

  test(
    'because another file halted the run makes no second media',
    { timeout: 15_000 },
    async () => {
      const small = await jobTo({});
      const large = await jobOf(await world.write('large.mp4', 2 * MIB));
      const { cos } = world.ports;
      const initiate: Cos['initiate'] = async (...call) => {
        while (world.sandbox.committed().length === 0) await sleep(10);
        return cos.initiate(...call);
      };
      Object.assign(world.ports, { cos: { ...cos, initiate } });
      world.sandbox.fail('CommitUpload:hang-after', 'UploadPart:AccessDenied');
      const outcomes = await world.run([small, large]);
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['failed', 'interrupted']);
      world.restart();
      world.sandbox.fail('CommitUpload:InvalidParameterValue.VodSessionKey');
      const [outcome] = await world.run([small]);
      assert.equal(outcome?.status, 'uploaded');
      assert.equal(world.sandbox.committed().length, 1);
    },
  );

  test('is given up once its session has expired and the media is not shown', async () => {
    const outcome = await askLater();
    assert.equal(outcome.status, 'uploaded');
    assert.equal(world.sandbox.sessions().length, 2);
  });

  for (const [isGivenUp, laterMs] of [
    [false, HOURS_MS],
    [true, EIGHT_DAYS_MS],
  ] as const) {
    const hours = laterMs / 3_600_000;
    test(`is ${isGivenUp ? '' : 'not '}given up after ${hours} hours without a certificate`, async () => {
      world.sandbox.fail('ApplyUpload:without=TempCertificate');
      const outcome = await askLater({}, laterMs);
      assert.equal(outcome.status, isGivenUp ? 'uploaded' : 'unknown');
    });
  }

  for (const [what, request, isCommitted, laterMs, status, sessions] of [
    ['is a media', {}, true, 0, 'uploaded', 1],
    ['is not shown', {}, false, 0, 'unknown', 1],
    ['is not shown after its session has expired', {}, false, HOURS_MS, 'uploaded', 2],
    ['cannot be asked for', { mediaStoragePath: '/x/a.mp4' }, true, HOURS_MS, 'unknown', 1],
  ] as const) {
    test(`whose session key is lost and that ${what} ends as ${status}`, async () => {
      const job = await jobTo(request);
      world.sandbox.fail(`CommitUpload:${isCommitted ? 'hang-after' : 'InternalError'}`);
      const { signal } = new AbortController();
      const first = { ...world.ports, vod: { ...world.vod, findMedia: cannotAsk } };
      assert.equal((await uploadOne(job, first, signal)).status, 'unknown');
      const left = world.journal.checkpoints.get(job.id);
      assert.ok(left?.phase === 'committing');
      world.journal.checkpoints.set(job.id, withoutSecrets(left));
      const now = (): Date => new Date(Date.now() + laterMs);
      const outcome = await uploadOne(job, { ...world.ports, now }, signal);
      assert.equal(outcome.status, status);
      assert.equal(world.sandbox.sessions().length, sessions);
      assert.equal(world.sandbox.committed().length, isCommitted || status === 'uploaded' ? 1 : 0);
    });
  }

  test('is repeated by the same command where the storage path is of their own: one media', async () => {
    const job = await jobTo({ mediaStoragePath: '/x/a.mp4' });
    world.sandbox.fail('CommitUpload:InternalError');
    const { signal } = new AbortController();
    const outcome = await uploadOne(job, world.ports, signal);
    assert.ok(outcome.status === 'unknown');
    assert.match(outcome.failure.hint, /^Run the same command again: it repeats the commit/);
    assert.equal((await uploadOne(job, world.ports, signal)).status, 'uploaded');
    assert.equal(world.sandbox.sessions().length, 1);
  });

  test('is for people to look at where its session is refused and the storage path is of their own, whatever it looks like', async () => {
    const mediaStoragePath = '/123456789012345678/a.mp4';
    const outcome = await askLater({ mediaStoragePath });
    assert.ok(outcome.status === 'unknown');
    assert.ok(outcome.failure.hint.includes(`at ${mediaStoragePath} in the VOD console`));
    assert.equal(world.sandbox.sessions().length, 1);
    const isAsking = ({ operation }: { readonly operation: string }): boolean =>
      operation === 'DescribeMediaInfos';
    assert.ok(!world.sandbox.requests.some(isAsking));
  });
});
