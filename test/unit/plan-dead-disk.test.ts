import assert from 'node:assert/strict';
import { symlink, writeFile } from 'node:fs/promises';
import { describe, test, type TestContext } from 'node:test';
import { createCrc64 } from '../../src/cos/crc64.js';
import { mountDeadDisk, noDeadDisk } from '../helpers/dead-disk.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

/** `v/dead` is a disk that answers nothing. */
async function createWorld(t: TestContext): Promise<PlanWorld> {
  const world = await createPlanWorld();
  await world.write({ 'v/a.mp4': 'a', 'v/dead': null, 'v/z.mp4': 'z', 'v/z.jpg': 'z' });
  const release = await mountDeadDisk(world.at('v/dead'));
  t.after(async () => {
    await release();
    await world.remove();
  });
  return world;
}

/** What becomes of it while the minutes fly. */
async function minutesLater<T>(t: TestContext, work: (minutes: () => number) => Promise<T>) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let ticks = 0;
  let isDone = false;
  const done = work(() => (ticks * 5) / 60).finally(() => (isDone = true));
  while (!isDone) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.mock.timers.tick(5000);
    ticks += 1;
  }
  return done;
}

describe('a dead disk', { skip: noDeadDisk, timeout: 30_000 }, () => {
  test('in a directory is a failure after a minute, and the rest goes on', async (t) => {
    const world = await createWorld(t);
    const lines = await minutesLater(t, () => world.lines(['v']));
    assert.deepEqual(lines, ['v/a.mp4', 'v/dead (read-error)', 'v/z.mp4']);
  });

  test('is asked once, however many directories of it a list names', async (t) => {
    const world = await createWorld(t);
    const dead = Array.from({ length: 100 }, (_none, index) => `v/dead/${index}/x.mp4`);
    await writeFile(world.at('list'), ['v/a.mp4', ...dead, 'v/z.mp4'].join('\n'));
    const took = await minutesLater(t, async (minutes) => {
      const jobs = await world.jobs([], { filesFrom: 'list' });
      assert.deepEqual(
        jobs.map(({ media, cover }) => [media.path, cover?.path]),
        [
          ['v/a.mp4', undefined],
          ['v/z.mp4', 'v/z.jpg'],
        ],
      );
      return minutes();
    });
    assert.ok(took < 2, `${took} minutes`);
  });

  test('behind many links fails those alone: all else is still asked for', async (t) => {
    const world = await createWorld(t);
    await world.write({ 'v/sub/y.mp4': 'y', 'w/q.mp4': 'q' });
    const links = Array.from({ length: 6 }, (_none, index) => `v/l${index}.mp4`);
    for (const link of links) await symlink(`dead/${link.slice(2)}`, world.at(link));
    await writeFile(world.at('list'), ['v/a.mp4', ...links, 'w/q.mp4', 'v/sub/y.mp4'].join('\n'));
    const lines = await minutesLater(t, () => world.lines([], { filesFrom: 'list' }));
    const dead = links.map((link) => `${link} (read-error)`);
    assert.deepEqual(lines, ['v/a.mp4', ...dead, 'w/q.mp4', 'v/sub/y.mp4']);
  });

  test('behind followed links to directories is on record', async (t) => {
    const world = await createWorld(t);
    await world.write({ 'w/q.mp4': 'q' });
    for (let index = 0; index < 6; index++) {
      await symlink(`../v/dead/${index}`, world.at(`w/season${index}`));
    }
    const walked = await minutesLater(t, () => world.lines(['w'], { followSymlinks: true }));
    const seasons = Array.from({ length: 6 }, (_none, index) => `w/season${index} (read-error)`);
    assert.deepEqual(walked.sort(), ['w/q.mp4', ...seasons]);
  });

  test('behind a name of a glob is on record', async (t) => {
    const world = await createWorld(t);
    const matched = await minutesLater(t, () => world.lines(['v/{dead/a,a}.mp4']));
    assert.deepEqual(matched.sort(), ['v/a.mp4', 'v/dead/a.mp4 (read-error)']);
  });

  test('that is named, and links to one, fail alone, with --checksum as well', async (t) => {
    const world = await createWorld(t);
    await symlink('dead/x.mp4', world.at('v/link.mp4'));
    await symlink('dead', world.at('v/root.mp4'));
    await writeFile(world.at('list'), ['v/dead', 'v/link.mp4', 'v/root.mp4', 'v/a.mp4'].join('\n'));
    const content = { createChecksum: createCrc64, stop: new AbortController().signal };
    const lines = await minutesLater(t, () => world.lines([], { filesFrom: 'list', content }));
    assert.deepEqual(lines, [
      'v/dead (read-error)',
      'v/link.mp4 (read-error)',
      'v/root.mp4 (read-error)',
      'v/a.mp4',
    ]);
  });

  test('that holds a list is a problem after a minute', async (t) => {
    const world = await createWorld(t);
    const from = { filesFrom: 'v/dead/list', jobs: 'v/dead/list', excludeFrom: ['v/dead/list'] };
    const problem = 'cannot read v/dead/list: the disk has not answered for a minute';
    assert.deepEqual(await minutesLater(t, () => world.problems(['v/a.mp4'], from)), [
      problem,
      `--files-from: ${problem}`,
      `--jobs: ${problem}`,
    ]);
  });
});
