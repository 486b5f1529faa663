import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import type { SourceFile } from '../../src/core/model.js';
import { sourceOf } from '../../src/plan/source.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

const { signal } = new AbortController();

let world: PlanWorld;
let file: SourceFile;
beforeEach(async () => {
  world = await createPlanWorld();
  await world.write({ 'a.mp4': '0123456789' });
  const [job] = await world.jobs(['a.mp4']);
  assert.ok(job);
  file = job.media;
});
afterEach(() => world.remove());

test('reads fill the buffer from any position, and stop where the planned file ends', async () => {
  const source = sourceOf(file);
  await fs.appendFile(world.at('a.mp4'), 'more');
  const into = Buffer.alloc(6);
  assert.equal(await source.read(into, 2), 6);
  assert.equal(into.toString(), '234567');
  assert.equal(await source.read(into, 7), 3);
  assert.equal(into.toString('utf8', 0, 3), '789');
  assert.equal(await source.read(into, 10), 0);
  source.close();
});

test('a file that became shorter is found out while reading', async () => {
  const source = sourceOf(file);
  await fs.truncate(world.at('a.mp4'), 4);
  await assert.rejects(source.read(Buffer.alloc(10), 0), { code: 'source-changed' });
  source.close();
});

const changes: [string, () => Promise<unknown>][] = [
  ['grown', () => fs.appendFile(file.realPath, 'x')],
  ['rewritten at the same size', () => fs.writeFile(file.realPath, '9876543210')],
  ['touched', () => fs.utimes(file.realPath, 1, 1)],
  [
    'replaced by a file of equal size and time',
    async () => {
      const { atime, mtime } = await fs.stat(file.realPath);
      await fs.utimes(file.realPath, atime, mtime);
      await fs.copyFile(file.realPath, world.at('copy'));
      await fs.utimes(world.at('copy'), atime, mtime);
      await fs.rename(world.at('copy'), file.realPath);
    },
  ],
];
for (const [what, change] of changes) {
  test(`a file that was ${what} is not the planned one any more`, async () => {
    const source = sourceOf(file);
    await source.assertUnchanged(signal);
    await change();
    await assert.rejects(source.assertUnchanged(signal), { code: 'source-changed' });
    source.close();
  });
}

test('a file that was deleted is missing, not changed', async () => {
  const source = sourceOf(file);
  await fs.rm(file.realPath);
  await assert.rejects(source.assertUnchanged(signal), { code: 'source-missing' });
  source.close();
});

test('a file that is gone before it is opened is missing, and messages show control characters', async () => {
  const source = sourceOf({ ...file, path: 'a\n.mp4', realPath: world.at('gone') });
  await assert.rejects(source.read(Buffer.alloc(1), 0), {
    code: 'source-missing',
    message: 'a\\n.mp4 does not exist any more',
  });
});

test('a file that could not be opened is opened by the next read', async () => {
  const source = sourceOf(file);
  await fs.rename(file.realPath, world.at('away'));
  await assert.rejects(source.read(Buffer.alloc(1), 0), { code: 'source-missing' });
  await fs.rename(world.at('away'), file.realPath);
  assert.equal(await source.read(Buffer.alloc(1), 0), 1);
  source.close();
});

test('a directory in the place of the file is told as one', async () => {
  const source = sourceOf({ ...file, realPath: world.dir });
  await assert.rejects(source.read(Buffer.alloc(1), 0), {
    code: 'source-invalid',
    message: 'cannot read a.mp4: it is a directory',
  });
  source.close();
});

const noProc = !existsSync('/proc/self/fd') && 'there is no /proc';
test(
  'a file is closed when nothing is read from it any more, and not before',
  { skip: noProc },
  async () => {
    const source = sourceOf(file);
    await source.read(Buffer.alloc(1), 0);
    // All threads of the pool have other work: the read waits for one.
    for (let thread = 0; thread < 4; thread++)
      pbkdf2('', '', 200_000, 64, 'sha512', () => undefined);
    const reading = source.read(Buffer.alloc(4), 2);
    source.close();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(openPaths().includes(file.realPath));
    await reading;
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(!openPaths().includes(file.realPath));
  },
);

/** What the descriptors of this process stand for, looked at in this thread. */
function openPaths(): string[] {
  return readdirSync('/proc/self/fd').map((number) => {
    try {
      return readlinkSync(`/proc/self/fd/${number}`);
    } catch {
      return '';
    }
  });
}
