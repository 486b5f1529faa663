import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { UploadFailure } from '../../src/core/errors.js';
import type { UploadEvent } from '../../src/core/events.js';
import type { Job, SourceFile } from '../../src/core/model.js';
import { uploadOne } from '../../src/pipeline/upload-one.js';
import { advance, emptyTally } from '../../src/report/tally.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';

test('a job that failed and was tried once more at the end tells the cost of both tries', async (t) => {
  // Three times is once more than one try repeats a request.
  const world = await createWorld({ slots: 1, retries: 2, faults: ['UploadPart#2:500*3'] });
  t.after(() => world.close());
  const path = await world.write('victim.mp4', 3 * MIB);
  const [outcome, ...others] = await world.run([await jobOf(path)]);
  assert.deepEqual(others, []);
  assert.ok(outcome?.status === 'uploaded');
  const { attempts, bytesSent, bytesResumed } = outcome.effort;
  assert.deepEqual(
    { attempts, bytesSent, bytesResumed },
    { attempts: 2, bytesSent: 3 * MIB, bytesResumed: 0 },
  );
});

test('a job that waits for its second try is not in flight', async (t) => {
  const world = await createWorld({ slots: 1, retries: 0, faults: ['PutObject:500'] });
  t.after(() => world.close());
  const path = await world.write('victim.mp4', 1000);
  const [outcome] = await world.run([await jobOf(path)]);
  assert.equal(outcome?.status, 'uploaded');
  const starts = world.events.flatMap(({ type }, at) => (type === 'job-started' ? [at] : []));
  assert.equal(starts.length, 2);
  const before = world.events.slice(0, starts[1]).reduce(advance, emptyTally());
  assert.equal(before.active.size, 0);
});

test('a job that waits for its second try gets none where the run is to stop', async (t) => {
  const world = await createWorld({ slots: 1, retries: 0, faults: ['PutObject:500'] });
  t.after(() => world.close());
  const path = await world.write('victim.mp4', 1000);
  const { emit } = world.ports;
  const stop = new AbortController();
  const stopping = (event: UploadEvent): void => {
    emit(event);
    if (event.type === 'job-postponed') stop.abort(new Error('limit'));
  };
  Object.assign(world.ports, { emit: stopping });
  const [outcome] = await world.run([await jobOf(path)], { stop: stop.signal });
  assert.ok(outcome?.status === 'failed');
  assert.equal(outcome.effort?.attempts, 1);
});

test('a job that another run takes before its second try tells the cost of the first', async (t) => {
  const world = await createWorld({ slots: 1, retries: 0, faults: ['UploadPart#2:500'] });
  t.after(() => world.close());
  const path = await world.write('victim.mp4', 3 * MIB);
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
});

describe('a service that has asked to be left alone for a while', () => {
  let world: TestWorld;
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(() => world.close());

  /** It asks so once for each file; resolves to the job of a file that it will ask so for. */
  async function jobRefused(name: string, retryAfterMs: number, puts: number[] = []): Promise<Job> {
    const path = await world.write(name, 1000);
    const { put } = world.cos;
    let isFirst = true;
    world.cos.put = async (target, source, ...rest) => {
      if (source.file.path !== path) return put(target, source, ...rest);
      puts.push(performance.now());
      if (!isFirst) return put(target, source, ...rest);
      isFirst = false;
      throw new UploadFailure('throttled', 'SlowDown', { retryAfterMs });
    };
    return jobOf(path);
  }

  test('is not asked again before that, also where a file is tried for the second time', async () => {
    const [slow, quick]: [number[], number[]] = [[], []];
    const jobs = [
      await jobRefused('slow.mp4', 600, slow),
      await jobRefused('quick.mp4', 100, quick),
    ];
    const outcomes = await world.run(jobs);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['uploaded', 'uploaded'],
    );
    const gapOf = ([first = 0, second = 0]: readonly number[]): number => second - first;
    assert.ok(gapOf(slow) >= 599, `${gapOf(slow)} ms`);
    assert.ok(gapOf(quick) >= 99 && gapOf(quick) < gapOf(slow), `${gapOf(quick)} ms`);
  });

  test('is not waited for once the run is stopped', async () => {
    const stop = new AbortController();
    const job = await jobRefused('slow.mp4', 60_000);
    const isPostponed = (): boolean => world.events.some(({ type }) => type === 'job-postponed');
    const running = world.run([job], { stop: stop.signal });
    while (!isPostponed()) await sleep(10);
    await sleep(50);
    stop.abort(new Error('stopped'));
    const [outcome] = await running;
    assert.equal(outcome?.status, 'failed');
  });
});

test('what was stored is not sent again where the last look at the file failed', async (t) => {
  const world = await createWorld();
  t.after(() => world.close());
  const path = await world.write('victim.mp4', 1000);
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
});
