import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createDice } from '../helpers/kill-dice.js';
import {
  assertNothingIsLeft,
  createKilled,
  createKillWorld,
  heldAt,
} from '../helpers/kill-world.js';

const TIMEOUT_MS = 60_000;
const ONCE = ['--retries', '0'];
/** Nobody listens there. */
const NOWHERE = ['--cos-endpoint', 'http://127.0.0.1:1'];

describe('what is unfinished of a file that has changed', { timeout: TIMEOUT_MS }, () => {
  test('is aborted as it was begun: the file needs no parts any more', async (t) => {
    const world = await createKilled(t, { rule: 'InitiateMultipartUpload:hang-after' });
    assert.equal(world.cloud.openUploads().length, 1);
    await world.shell.write('film.mp4', 'other');
    const ran = await world.shell.run(['film.mp4']);
    assert.equal(ran.code, 0, ran.stderr);
    await assertNothingIsLeft(world);
  });

  test('costs no request for segments that were to go by one PUT', async (t) => {
    const world = await createKillWorld();
    t.after(() => world.close());
    const segments = (name: string) => [1, 2, 3].map((number) => `v/${name}${number}.ts`);
    const title = { path: 'v/show.m3u8', segments: segments('old') };
    await world.write(title, { media: 0 }, createDice(t.name));
    await world.runUntil([title.path, '-c', '1'], (life) =>
      heldAt(world, life, { rule: 'PutObject:hang', isDone: false }),
    );
    await world.write({ ...title, segments: segments('new') }, { media: 0 }, createDice(t.name));
    const ran = await world.shell.run([title.path, '-v']);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /has changed: its unfinished upload is abandoned/);
    const operations = world.cloud.requests.map(({ operation }) => operation);
    assert.ok(!operations.includes('ListMultipartUploads'), operations.join(' '));
    await assertNothingIsLeft(world);
  });

  test('stays listed where it cannot be aborted for now, and the file is uploaded once', async (t) => {
    const world = await createKilled(t);
    await world.shell.write('film.mp4', 'other');
    world.cloud.fail('AbortMultipartUpload:503');
    const ran = await world.shell.run(['film.mp4', ...ONCE]);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /could not be aborted .*status 503; vod-upload jobs gc tries again/);
    assert.equal((await world.shell.run(['film.mp4'])).code, 0);
    assert.match((await world.shell.run(['jobs', 'list'])).stdout, /\tresumable\t.*film\.mp4$/m);
    const resumed = await world.shell.run(['jobs', 'resume', ...NOWHERE, ...ONCE]);
    assert.equal(resumed.code, 3, resumed.stderr);
    assert.match((await world.shell.run(['jobs', 'gc'])).stdout, /"abandoned":1/);
    assert.equal(world.cloud.committed().length, 1);
    await assertNothingIsLeft(world);
  });
});
