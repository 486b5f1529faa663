import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { createCrc64 } from '../../src/cos/crc64.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;

beforeEach(async () => {
  world = await createPlanWorld();
});

afterEach(() => world.remove());

const content = (stop = new AbortController().signal, createChecksum = createCrc64) => ({
  content: { createChecksum, stop },
});

test('a job carries the CRC-64 of its media, however many chunks that takes', async () => {
  const bytes = Buffer.alloc(3_000_000, 'abc');
  await writeFile(world.at('a.mp4'), bytes);
  const checksum = createCrc64();
  checksum.update(bytes);
  const [job] = await world.jobs(['a.mp4'], content());
  assert.equal(job?.crc64, String(checksum.digest()));
  assert.equal((await world.jobs(['a.mp4']))[0]?.crc64, undefined);
});

test('of the same content the first is a job, within its sub-application', async () => {
  await world.write({ 'a.mp4': 'same', 'b.mp4': 'same', 'c.mp4': 'else' });
  assert.deepEqual(await world.lines(['.'], content()), ['a.mp4', 'b.mp4 (duplicate)', 'c.mp4']);
});

test('a playlist goes by its path', async () => {
  await world.write({ 'a/x.ts': '1', 'b/x.ts': '2' });
  await world.write({ 'a/i.m3u8': '#EXTM3U\nx.ts\n', 'b/i.m3u8': '#EXTM3U\nx.ts\n' });
  const jobs = await world.jobs(['a', 'b'], content());
  assert.deepEqual(
    jobs.map((job) => [job.media.path, job.crc64]),
    [
      ['a/i.m3u8', undefined],
      ['b/i.m3u8', undefined],
    ],
  );
});

test('a file that changes while it is digested fails its own job', async () => {
  await world.write({ 'a.mp4': 'before', 'b.mp4': 'b' });
  let isFirst = true;
  const changing = () => {
    if (isFirst) copyFileSync(world.at('b.mp4'), world.at('a.mp4'));
    isFirst = false;
    return createCrc64();
  };
  assert.deepEqual(await world.lines(['.'], content(undefined, changing)), [
    'a.mp4 (source-changed)',
    'b.mp4',
  ]);
});

test('once nothing more will be sent, nothing more is read', async () => {
  await world.write({ 'a.mp4': 'a' });
  const [job] = await world.jobs(['a.mp4'], content(AbortSignal.abort()));
  assert.deepEqual([job?.media.path, job?.crc64], ['a.mp4', undefined]);
});
