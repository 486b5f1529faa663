import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
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

const HLS = {
  'hls/master.m3u8': '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/index.m3u8\n',
  'hls/init.mp4': 'i',
  'hls/low/index.m3u8': '#EXTM3U\n#EXTINF:1,\n0.ts\n#EXTINF:1,\n1.ts\n#EXT-X-ENDLIST\n',
  'hls/low/0.ts': '0',
  'hls/low/1.ts': '1',
  'hls/low/clip.avi': 'c',
};

test('what may be part of a playlist that cannot be read is not uploaded by itself', async () => {
  await world.write({ ...HLS, 'a.mp4': '1', 'z/z.ts': '1' });
  for (const name of ['', 'hls', 'hls/low']) await fs.chmod(world.at(name), 0o755);
  await fs.chmod(world.at('hls/low/index.m3u8'), 0o000);
  const expected = [
    'a.mp4',
    'hls/init.mp4',
    'hls/low/0.ts (source-unreadable)',
    'hls/low/1.ts (source-unreadable)',
    'hls/low/clip.avi',
    'hls/master.m3u8 (source-unreadable)',
    'z/z.ts',
  ];
  await asNobody(async () => {
    for (const input of ['.', '**']) assert.deepEqual(await world.lines([input]), expected);
    const [, , item] = await world.plan(['.']);
    assert.ok(item?.status === 'failed');
    assert.equal(
      item.failure.message,
      `hls/low/0.ts may be part of a playlist: cannot read ${world.at('hls/low/index.m3u8')}: permission denied`,
    );
  });
  const names = ['hls/master.m3u8', 'hls/low/1.ts', 'hls/init.mp4', 'a.mp4'];
  const stdin = Readable.from([Buffer.from(names.join('\n'))]);
  const release = exhaustDescriptors();
  try {
    assert.deepEqual(await world.lines([], { filesFrom: '-', stdin, covers: 'off' }), [
      'hls/master.m3u8 (too-many-open-files)',
      'hls/low/1.ts (too-many-open-files)',
      'hls/init.mp4 (too-many-open-files)',
      'a.mp4',
    ]);
  } finally {
    release();
  }
  await fs.rm(world.at('hls/low/index.m3u8'));
  assert.deepEqual(await world.lines(['hls/low']), [
    'hls/low/0.ts',
    'hls/low/1.ts',
    'hls/low/clip.avi',
  ]);
});
