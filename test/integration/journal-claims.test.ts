import { strict as assert } from 'node:assert';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { OpenJournal } from '../../src/journal/journal.js';
import { JournalWorld, all, checkpointFor, isUnwritable, jobFor } from './journal-world.js';

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

const one = jobFor(1);

describe('a run that stood still and has lost its claim', () => {
  let now: number;
  let far: OpenJournal;

  const begin = (host: string): Promise<OpenJournal> =>
    world.begin({ host, now: () => new Date(now) });

  /** The run that has the job from now on. */
  async function takeOver(): Promise<OpenJournal> {
    now += 6 * 60_000;
    const near = await begin('here');
    assert.equal((await near.claim(one)).kind, 'ours');
    return near;
  }

  beforeEach(async () => {
    now = Date.now();
    far = await begin('elsewhere');
    await far.claim(one);
  });

  test('does not free the claim of the run that has it now', async () => {
    await takeOver();
    await far.release(one.id);
    assert.equal((await (await begin('here')).claim(one)).kind, 'held');
  });

  test('does not forget what the run that has it now has begun', async () => {
    await far.remember(one.id, checkpointFor(1, 'sending'));
    const near = await takeOver();
    await near.remember(one.id, checkpointFor(1, 'assembled'));
    await far.forget(one.id);
    assert.deepEqual(
      (await all(near.list())).map(({ phase }) => phase),
      ['assembled'],
    );
  });

  test('leaves no secrets of a session that it could not put on record', async () => {
    await takeOver();
    const remembered = far.remember(one.id, checkpointFor(1, 'sending'));
    await assert.rejects(remembered, isUnwritable('videos/1.mp4'));
    await far.release(one.id);
    assert.equal(await world.hasSecretsOf(1), false);
  });
});

test('what is unfinished for one sub-application is left alone by an upload to another', async () => {
  const to = (subAppId: number, version: number) => jobFor(1, { version, request: { subAppId } });
  await world.leaveUnfinished(to(11, 0), checkpointFor(1, 'sending'));
  const second = await world.begin();
  assert.deepEqual(await second.claim(to(12, 1)), { kind: 'ours', changedOptions: [] });
});

test('what a live run is uploading of an earlier state of the file is not superseded', async () => {
  const [first, second] = [await world.begin(), await world.begin()];
  await first.claim(one);
  await first.remember(one.id, checkpointFor(1, 'sending'));
  const claim = await second.claim(jobFor(1, { version: 1 }));
  assert.deepEqual(claim, { kind: 'ours', changedOptions: [] });
});

test('gc leaves alone what a live run has, however old it is', async () => {
  const [first, second] = [await world.begin(), await world.begin()];
  await first.claim(one);
  await first.remember(one.id, checkpointFor(1, 'sending', new Date(0)));
  assert.equal((await second.gc()).checkpoints, 0);
  assert.equal((await all(second.list())).length, 1);
});

test('a job whose session is over is listed as one that cannot be resumed', async () => {
  const journal = await world.begin();
  await journal.claim(one);
  await journal.remember(one.id, checkpointFor(1, 'sending', new Date(0)));
  const [listed] = await all(journal.list());
  assert.equal(listed?.resumable, false);
});
