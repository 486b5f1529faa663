import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

const HLS = {
  'hls/low/0.ts': '0',
  'hls/low/1.ts': '1',
  'hls/low/index.m3u8': '#EXTM3U\n#EXTINF:1,\n0.ts\n#EXTINF:1,\n1.ts\n#EXT-X-ENDLIST\n',
  'hls/master.m3u8': '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/index.m3u8\n',
};

test('what a playlist has carried is not uploaded again from a directory within its own', async () => {
  await world.write({ ...HLS, 'hls/low/alone.ts': '1', 'hls/seg/s.ts': '1' });
  await world.write({
    'hls/z.m3u8': '#EXTM3U\n#EXTINF:1,\nseg/s.ts\n',
    list: 'hls\nhls/low\nhls/seg\n',
  });
  const first = ['hls/low/alone.ts', 'hls/master.m3u8', 'hls/z.m3u8'];
  const again = [
    'hls/low/alone.ts (duplicate)',
    'hls/low/index.m3u8 (duplicate)',
    'hls/seg/s.ts (duplicate)',
  ];
  assert.deepEqual(await world.lines(['hls', 'hls/low', 'hls/seg']), [...first, ...again]);
  assert.deepEqual(await world.lines([], { filesFrom: 'list' }), [...first, ...again]);
  await fs.symlink('seg', world.at('hls/zlink'));
  assert.deepEqual(await world.lines(['hls'], { followSymlinks: true }), [
    ...first,
    'hls/zlink/s.ts (duplicate)',
  ]);
});

test('a playlist that is excluded carries nothing along', async () => {
  const names = Object.keys(HLS);
  await world.write({ ...HLS, list: names.join('\n'), 'list.csv': `path\n${names.join('\n')}` });
  const exclude = ['*.m3u8'];
  const files = ['hls/low/0.ts', 'hls/low/1.ts'];
  assert.deepEqual(await world.lines([], { filesFrom: 'list', exclude }), files);
  assert.deepEqual(await world.lines([], { jobs: 'list.csv', exclude }), files);
  for (const inputs of [names, ['hls'], ['hls/**']]) {
    assert.deepEqual(await world.lines(inputs, { exclude }), files);
  }
});
