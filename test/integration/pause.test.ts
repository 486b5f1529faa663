import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../src/core/model.js';
import { createWorld, jobOf, type TestWorld } from '../helpers/world.js';

describe('a run that is paused', () => {
  let world: TestWorld;
  let jobs: Job[];

  beforeEach(async () => {
    world = await createWorld();
    jobs = [];
    for (let number = 0; number < 8; number++) {
      jobs.push(await jobOf(await world.write(`${number}.mp4`, `content ${number}`)));
    }
    world.slots.adjust({ isPaused: true });
  });
  afterEach(() => world.close());

  test('asks for no further session, and does the rest once it goes on', async () => {
    const running = world.run(jobs);
    await sleep(300);
    assert.equal(world.sandbox.sessions().length, 1);
    world.slots.adjust({ isPaused: false });
    const outcomes = await running;
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      jobs.map(() => 'uploaded'),
    );
  });

  test('stops all the same', async () => {
    const stop = new AbortController();
    const abort = new AbortController();
    const running = world.run(jobs, { stop: stop.signal, abort: abort.signal });
    await sleep(100);
    stop.abort();
    abort.abort();
    const outcomes = await running;
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      jobs.map(() => 'interrupted'),
    );
  });
});
