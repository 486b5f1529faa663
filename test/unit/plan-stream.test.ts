import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { planUploads } from '../../src/plan/plan.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

test('a list keeps its order, and what has vanished from it fails alone', async () => {
  await world.write({
    'b.mp4': '1',
    'a.mp4': '1',
    'd/e.mp4': '1',
    'n.txt': '1',
    'o.mp4': '',
    list: '\ufeffb.mp4\r\n\ngone.mp4\nn.txt\nd\no.mp4\na.mp4\nb.mp4',
  });
  assert.deepEqual(await world.lines([], { filesFrom: 'list' }), [
    'b.mp4',
    'gone.mp4 (source-missing)',
    'n.txt (source-unsupported)',
    'd/e.mp4',
    'o.mp4 (empty)',
    'a.mp4',
    'b.mp4 (duplicate)',
  ]);
});

test('a list is planned by name where that order is asked for', async () => {
  await world.write({ 'b.mp4': '1', 'd/e.mp4': '1', 'd-x.mp4': '1', 'a.mp4': '1' });
  await world.write({ list: 'd\nb.mp4\n', 'jobs.csv': 'path\n./d-x.mp4\na.mp4\n' });
  const lists = { filesFrom: 'list', jobs: 'jobs.csv' };
  const byName = ['a.mp4', 'b.mp4', './d-x.mp4', 'd/e.mp4'];
  assert.deepEqual(await world.lines([], { ...lists, order: 'name' }), byName);
  const asListed = ['d/e.mp4', 'b.mp4', './d-x.mp4', 'a.mp4'];
  assert.deepEqual(await world.lines([], lists), asListed);
});

test('a NUL-separated list takes names with line breaks, also from standard input', async () => {
  await world.write({ 'a\nb.mp4': '1', 'c.mp4': '1' });
  const stdin = Readable.from([Buffer.from('./a\nb.m'), Buffer.from('p4\0c.mp4\0')]);
  assert.deepEqual(await world.lines([], { filesFrom0: '-', stdin }), ['./a\nb.mp4', 'c.mp4']);
  assert.deepEqual(
    await world.lines([], { filesFrom: '-', stdin: Readable.from([Buffer.from('c.mp4\0')]) }),
    ['c.mp4\0 (source-invalid)'],
  );
});

test('a list that cannot be read is a problem', async () => {
  await world.write({ d: null });
  assert.deepEqual(await world.problems([], { filesFrom: 'gone' }), [
    '--files-from: cannot read gone: no such file or directory',
  ]);
  assert.deepEqual(await world.problems([], { filesFrom0: 'd' }), [
    '--files-from0: cannot read d: it is a directory',
  ]);
  const both = { filesFrom: '-', filesFrom0: '-', stdin: Readable.from([]) };
  assert.equal((await world.problems([], both)).length, 1);
});

test('an abort ends the wait for a list', { timeout: 5000 }, async () => {
  const abort = new AbortController();
  const stdin = new Readable({ read: () => undefined });
  const planned = planUploads({ ...world.options([]), filesFrom: '-', stdin }, abort.signal);
  setImmediate(() => abort.abort(new Error('enough')));
  await assert.rejects(planned, /enough/);
});

test('the plan is made while it is taken, may be left early, and ends at once when aborted', async () => {
  await world.write(
    Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`v/${index}.mp4`, '1'])),
  );
  const options = world.options(['v']);
  for await (const item of await planUploads(options, new AbortController().signal)) {
    assert.equal(item.status, 'planned');
    break;
  }
  const abort = new AbortController();
  const items = await planUploads(options, abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(items[Symbol.asyncIterator]().next(), /enough/);
});

test('twenty thousand files are planned in seconds', async () => {
  const directories = Array.from(
    { length: 20 },
    (_, index) => `t/${String(index).padStart(2, '0')}`,
  );
  for (const directory of directories) {
    await fs.mkdir(world.at(directory), { recursive: true });
    for (let index = 0; index < 1000; index++) {
      writeFileSync(path.join(world.at(directory), `${index}.mp4`), 'x');
    }
  }
  const startedAt = performance.now();
  const jobs = await world.jobs(['t']);
  const tookMs = performance.now() - startedAt;
  assert.equal(jobs.length, 20_000);
  assert.ok(tookMs < 15_000, `took ${tookMs} ms`);
});

test('what fails for a reason of its own is told, whatever was left out before', async () => {
  await world.write({ 'v/z.mp4': '1', 'v/n.mp4': '' });
  await fs.symlink('z.mp4', world.at('v/a.part'));
  await fs.symlink('n.mp4', world.at('v/b.part'));
  assert.deepEqual(await world.lines(['v', 'v'], { covers: 'required' }), [
    'v/a.part (temporary-name)',
    'v/b.part (temporary-name)',
    'v/n.mp4 (empty)',
    'v/z.mp4 (cover-missing)',
    'v/a.part (duplicate)',
    'v/b.part (duplicate)',
    'v/n.mp4 (duplicate)',
    'v/z.mp4 (duplicate)',
  ]);
});
