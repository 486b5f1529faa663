import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { planUploads, type PlanOptions } from '../../src/plan/plan.js';
import {
  asNobody,
  createPlanWorld,
  exhaustDescriptors,
  type PlanWorld,
} from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

async function pairs(
  inputs: readonly string[],
  options: Partial<PlanOptions> = {},
): Promise<string[]> {
  const jobs = await world.jobs(inputs, options);
  return jobs.map((job) => `${job.media.path} ${job.cover?.path} ${job.request.coverType}`);
}

test('an image of the same stem, with .cover or -cover, is the cover and gets no record of its own', async () => {
  await world.write({
    'v/a.mp4': '1',
    'v/a.JPG': '1',
    'v/b.mp4': '1',
    'v/b.cover.png': '1',
    'v/c.mp3': '1',
    'v/c-cover.gif': '1',
    'v/d.mp4': '1',
  });
  const expected = [
    'v/a.mp4 v/a.JPG jpg',
    'v/b.mp4 v/b.cover.png png',
    'v/c.mp3 v/c-cover.gif gif',
    'v/d.mp4 undefined undefined',
  ];
  assert.deepEqual(await pairs(['v']), expected);
  assert.equal((await world.plan(['v'])).length, 4);
  assert.equal((await world.plan(['v/**'])).length, 4);
  const named = (await fs.readdir(world.at('v'))).map((name) => `v/${name}`);
  assert.deepEqual(await pairs(named), expected);
  assert.equal((await world.plan(named)).length, 4);
  await world.write({ list: named.reverse().join('\n') });
  assert.equal((await world.plan([], { filesFrom: 'list' })).length, 4);
});

test('a cover is used although only the video was named', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.jpg': '1' });
  assert.deepEqual(await pairs(['v/a.mp4']), ['v/a.mp4 v/a.jpg jpg']);
});

test('of several covers, a.* goes before a.cover.* and a-cover.*, and jpg before png', async () => {
  await world.write({
    'a.mp4': '1',
    'a-cover.jpg': '1',
    'a.cover.jpg': '1',
    'a.png': '1',
    'a.jpg': '1',
  });
  assert.deepEqual(await pairs(['a.mp4']), ['a.mp4 a.jpg jpg']);
  await fs.rm(world.at('a.jpg'));
  assert.deepEqual(await pairs(['a.mp4']), ['a.mp4 a.png png']);
  await fs.rm(world.at('a.png'));
  assert.deepEqual(await pairs(['a.mp4']), ['a.mp4 a.cover.jpg jpg']);
});

test('two videos of one stem share their cover', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.mov': '1', 'v/a.jpg': '1' });
  assert.deepEqual(await pairs(['v']), ['v/a.mov v/a.jpg jpg', 'v/a.mp4 v/a.jpg jpg']);
  assert.equal((await world.plan(['v'])).length, 2);
});

test('an unpaired image is told, and becomes a media only on request', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.jpg': '1', 'v/a.png': '1', 'v/poster.jpg': '1' });
  assert.deepEqual(await world.lines(['v']), [
    'v/a.mp4',
    'v/poster.jpg (unpaired-image)',
    'v/a.png (unpaired-image)',
  ]);
  assert.deepEqual(await world.lines(['v/poster.jpg', 'v/poster.jpg']), [
    'v/poster.jpg (unpaired-image)',
    'v/poster.jpg (duplicate)',
  ]);
  const jobs = await world.jobs(['v'], { images: 'media' });
  assert.deepEqual(
    jobs.map((job) => `${job.media.path} ${job.request.mediaType}`),
    ['v/a.mp4 mp4', 'v/poster.jpg jpg', 'v/a.png png'],
  );
});

test('an image that a row or a flag gives the type of a media is one', async () => {
  await world.write({ 'v/k.mp4': '1', 'v/k.jpg': '1', 'v/x.png': '1' });
  const list = await world.jobList('list.csv', 'path,mediaType\nv/x.png,png\nv/k.jpg,\n');
  assert.deepEqual(await world.lines([], list), ['v/x.png', 'v/k.jpg (unpaired-image)']);
  assert.deepEqual(await world.lines(['v/x.png'], { media: { mediaType: 'png' } }), ['v/x.png']);
  assert.deepEqual(await world.lines(['v'], { media: { mediaType: 'mp4' } }), [
    'v/k.mp4',
    'v/x.png (unpaired-image)',
  ]);
});

test('a directory of images only has no media, unless images are media', async () => {
  await world.write({ 'v/a.jpg': '1' });
  assert.deepEqual(await world.lines(['v']), ['v/a.jpg (unpaired-image)']);
  assert.deepEqual(world.warnings.splice(0), ['there is no media in v']);
  assert.deepEqual(await world.lines(['v'], { images: 'media' }), ['v/a.jpg']);
  assert.deepEqual(world.warnings, []);
});

test('an empty image is no cover: the next one is taken, with a warning', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.jpg': '', 'v/a.png': '1' });
  assert.deepEqual(await pairs(['v']), ['v/a.mp4 v/a.png png']);
  assert.deepEqual(world.warnings, ['v/a.jpg is not used as a cover: it is empty']);
  assert.deepEqual(await world.lines(['v']), ['v/a.mp4', 'v/a.jpg (empty)']);
});

test('with covers off nothing pairs', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.jpg': '1' });
  assert.deepEqual(await world.lines(['v'], { covers: 'off' }), [
    'v/a.mp4',
    'v/a.jpg (unpaired-image)',
  ]);
  assert.deepEqual(await pairs(['v'], { covers: 'off' }), ['v/a.mp4 undefined undefined']);
});

test('with covers required, a named video without one is a problem and a found one fails', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/b.mp4': '1', 'v/b.jpg': '1' });
  assert.deepEqual(await world.problems(['v/a.mp4', 'v/b.mp4'], { covers: 'required' }), [
    'v/a.mp4 has no cover',
  ]);
  assert.deepEqual(await world.lines(['v'], { covers: 'required' }), [
    'v/a.mp4 (cover-missing)',
    'v/b.mp4',
  ]);
});

test('one given cover serves all', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/b.mp4': '1', 'v/all.png': '1' });
  assert.deepEqual(await pairs(['v'], { cover: 'v/all.png', covers: 'required' }), [
    'v/a.mp4 v/all.png png',
    'v/b.mp4 v/all.png png',
  ]);
  assert.equal((await world.plan(['v'], { cover: 'v/all.png' })).length, 2);
  const [first] = await pairs(['v'], { cover: 'v/all.png', media: { coverType: 'JPEG' } });
  assert.equal(first, 'v/a.mp4 v/all.png jpeg');
});

test('a directory of covers is looked through after the own one, and its images need be no inputs', async () => {
  await world.write({
    'v/a.mp4': '1',
    'v/b.mp4': '1',
    'v/b.png': '1',
    'covers/a.jpg': '1',
    'covers/b.jpg': '1',
    'covers/z.jpg': '1',
  });
  assert.deepEqual(await pairs(['v'], { coverDir: 'covers' }), [
    'v/a.mp4 covers/a.jpg jpg',
    'v/b.mp4 v/b.png png',
  ]);
  assert.equal((await world.plan(['v'], { coverDir: './covers/' })).length, 2);
});

test('an image of the directory of covers that is an input and serves as no cover is unpaired', async () => {
  await world.write({
    'a.mp4': '1',
    'a.jpg': '1',
    'covers/b.jpg': '1',
    'covers/z.jpg': '1',
    'v/b.mp4': '1',
    'z.jpg': '1',
  });
  await fs.symlink('covers', world.at('link'));
  const told = ['a.mp4', 'v/b.mp4', 'z.jpg (unpaired-image)', 'covers/z.jpg (unpaired-image)'];
  const media = ['a.mp4', 'v/b.mp4', 'z.jpg', 'covers/z.jpg'];
  for (const coverDir of ['covers', './link/']) {
    assert.deepEqual(await world.lines(['.'], { coverDir }), told);
    assert.deepEqual(await world.lines(['.'], { coverDir, images: 'media' }), media);
  }
  assert.deepEqual(await world.lines(['a.mp4', 'z.jpg'], { coverDir: '.' }), [
    'a.mp4',
    'z.jpg (unpaired-image)',
  ]);
  assert.deepEqual(await world.lines(['covers/z.jpg'], { coverDir: 'covers', images: 'media' }), [
    'covers/z.jpg',
  ]);
});

test('an excluded image is no cover', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.jpg': '1' });
  const exclude = ['*.jpg'];
  assert.deepEqual(await pairs(['v'], { exclude }), ['v/a.mp4 undefined undefined']);
  assert.deepEqual(await pairs(['v/a.mp4'], { exclude }), ['v/a.mp4 undefined undefined']);
});

test('a cover that changed too lately holds its video back', async () => {
  await world.write({ 'a.mp4': '1' });
  const now = new Date(Date.now() + 100_000);
  assert.deepEqual(await world.lines(['.'], { minAgeMs: 60_000, now }), ['a.mp4']);
  await world.write({ 'a.jpg': '1' });
  await fs.utimes(world.at('a.jpg'), now, now);
  assert.deepEqual(await world.lines(['.'], { minAgeMs: 60_000, now }), ['a.mp4 (too-young)']);
});

test('the cover of a media that cannot go now is no media of its own, and told of by none', async () => {
  await world.write({
    'v/empty.mp4': '',
    'v/empty.jpg': '1',
    'v/gone.jpg': '1',
    'v/refused.m3u8': '#EXTM3U\nhttps://elsewhere.example/1.ts',
    'v/refused.jpg': '1',
    'odd.bin': '',
    'odd.jpg': '1',
  });
  await fs.symlink('nowhere', world.at('v/gone.mp4'));
  const told = [
    'v/empty.mp4 (empty)',
    'v/gone.mp4 (source-missing)',
    'v/refused.m3u8 (source-invalid)',
  ];
  for (const images of ['media', 'skip'] as const) {
    assert.deepEqual(await world.lines(['v'], { images }), told);
    assert.deepEqual(await world.lines(['v/*'], { images }), told);
  }
  await world.write({
    list: 'odd.jpg\nodd.bin',
    'jobs.csv': 'path,cover\nv/empty.mp4,odd.jpg\nodd.jpg,',
  });
  const listed = { filesFrom: 'list', media: { mediaType: 'mp4' } };
  assert.deepEqual(await world.lines([], listed), ['odd.bin (empty)']);
  assert.deepEqual(await world.lines([], { jobs: 'jobs.csv' }), ['v/empty.mp4 (empty)']);
});

test('an image beside what is no media of its own is unpaired', async () => {
  await world.write({
    'v/1.ts': '1',
    'v/1.jpg': '1',
    'v/p.m3u8': '#EXTM3U\n1.ts',
    'v/text.txt': '1',
    'v/text.jpg': '1',
    'v/d.mp4': null,
    'v/d.jpg': '1',
    list: 'v/p.m3u8\nv/1.ts\nv/1.jpg\nv/text.txt\nv/text.jpg\nv/d.jpg',
  });
  assert.deepEqual(await world.lines([], { filesFrom: 'list' }), [
    'v/p.m3u8',
    'v/1.ts (duplicate)',
    'v/text.txt (source-unsupported)',
    'v/1.jpg (unpaired-image)',
    'v/text.jpg (unpaired-image)',
    'v/d.jpg (unpaired-image)',
  ]);
});

test('a cover is passed over with one warning, although its media cannot go', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.jpg': '' });
  await world.lines(['v'], { covers: 'required' });
  assert.deepEqual(world.warnings, ['v/a.jpg is not used as a cover: it is empty']);
});

test('what is wrong with the cover flags is a problem', async () => {
  await world.write({ 'a.mp4': '1', 'empty.jpg': '', 'text.txt': '1', d: null, 'c.jpg': '1' });
  const problemsOf = (options: Partial<PlanOptions>): Promise<string[]> =>
    world.problems(['a.mp4'], options);
  assert.deepEqual(await problemsOf({ cover: 'gone.jpg' }), [
    'cannot read gone.jpg: no such file or directory',
  ]);
  assert.deepEqual(await problemsOf({ cover: 'empty.jpg' }), ['the cover empty.jpg is empty']);
  assert.deepEqual(await problemsOf({ cover: 'text.txt' }), [
    'VOD does not accept text.txt as a cover: its extension is none of an image',
  ]);
  assert.deepEqual(await problemsOf({ cover: 'd' }), ['the cover d is a directory']);
  assert.deepEqual(await problemsOf({ coverDir: 'a.mp4' }), ['a.mp4 is not a directory']);
  assert.deepEqual(await problemsOf({ coverDir: 'gone' }), [
    'cannot read gone: no such file or directory',
  ]);
  assert.equal((await problemsOf({ cover: 'c.jpg', covers: 'off' })).length, 1);
  assert.equal((await problemsOf({ cover: 'c.jpg', coverDir: 'd' })).length, 1);
});

test('a video whose cover cannot be looked for at the moment fails, and no other of its directory', async () => {
  const videos = Array.from({ length: 60 }, (_none, index) => `v/${String(index + 10)}.mp4`);
  for (const video of videos) await world.write({ [video]: '1' });
  await world.write({ 'v/69.jpg': '1' });
  const list = { filesFrom: '-', stdin: Readable.from([Buffer.from(videos.join('\n'))]) };
  const { signal } = new AbortController();
  const release = exhaustDescriptors();
  const items = (await planUploads(world.options([], list), signal))[Symbol.asyncIterator]();
  try {
    const { value: first } = await items.next();
    assert.ok(first?.status === 'failed');
    assert.equal(first.path, 'v/10.mp4');
    assert.equal(first.failure.code, 'too-many-open-files');
    assert.equal(first.failure.message, 'cannot read v: too many open files');
  } finally {
    release();
  }
  let last = await items.next();
  for (let next = last; next.done !== true; next = await items.next()) last = next;
  assert.ok(last.value?.status === 'planned');
  assert.equal(last.value.job.cover?.path, 'v/69.jpg');
});

test('a directory that may not be listed gives no cover, and says so', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/a.jpg': '1', 'w/b.mp4': '1' });
  for (const name of ['', 'v', 'w']) await fs.chmod(world.at(name), name === 'v' ? 0o711 : 0o755);
  assert.deepEqual(await asNobody(() => pairs(['v/a.mp4'])), ['v/a.mp4 undefined undefined']);
  const message = 'cannot read v: permission denied';
  assert.deepEqual(world.warnings, [`${message}: no cover is taken from there`]);
  const asDirectory = await asNobody(() => world.problems(['w/b.mp4'], { coverDir: 'v' }));
  assert.deepEqual(asDirectory, [message]);
});
