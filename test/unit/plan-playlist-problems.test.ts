import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

const media = (...lines: string[]): string =>
  ['#EXTM3U', ...lines, '#EXT-X-ENDLIST', ''].join('\n');

test('a missing segment is named', async () => {
  await world.write({ 'd/p.m3u8': media('#EXTINF:1,', 'gone.ts') });
  assert.deepEqual(await world.problems(['d/p.m3u8']), [
    'the playlist d/p.m3u8 needs gone.ts: cannot read d/gone.ts: no such file or directory',
  ]);
  assert.deepEqual(await world.lines(['d']), ['d/p.m3u8 (source-missing)']);
});

test('what is wrong with a playlist is told at once, its first five problems', async () => {
  const references = [
    '../a.ts',
    '/b.ts',
    'sub/q.m3u8',
    ...'cdefgh'.split('').map((x) => `/${x}.ts`),
  ];
  await world.write({ 'd/p.m3u8': media(...references), 'd/sub/q.m3u8': media('../e.ts') });
  const refers = (uri: string, reason: string): string =>
    `the playlist d/p.m3u8 refers to ${uri}: ${reason}`;
  assert.deepEqual(await world.problems(['d/p.m3u8']), [
    [
      refers('../a.ts', 'it contains ../'),
      ...['/b.ts', '/c.ts', '/d.ts', '/e.ts'].map((uri) => refers(uri, 'it is an absolute path')),
      'there may be more',
    ].join('; '),
  ]);
});

test('segments that are missing or empty are named, the first five', async () => {
  const names = ['1.ts', '2.ts', '3.ts', '4.ts', '5.ts', '6.ts', '7.ts'];
  await world.write({ 'd/p.m3u8': media(...names), 'd/1.ts': 'x', 'd/3.ts': '', 'd/4.ts': null });
  const needs = (name: string, reason: string): string =>
    `the playlist d/p.m3u8 needs ${name}: ${reason}`;
  const gone = (name: string): string =>
    needs(name, `cannot read d/${name}: no such file or directory`);
  assert.deepEqual(await world.problems(['d/p.m3u8']), [
    [
      gone('2.ts'),
      needs('3.ts', 'it is empty'),
      needs('4.ts', 'it is a directory'),
      gone('5.ts'),
      gone('6.ts'),
      'there may be more',
    ].join('; '),
  ]);
});

test('an empty segment, key or init file is refused with its playlist, and the rest goes on', async () => {
  const whole = { 's.ts': '1', 'k.key': '1', 'i.mp4': '1' };
  for (const empty of Object.keys(whole)) {
    const files = Object.entries({ ...whole, [empty]: '' });
    await world.write({
      'd/p.m3u8': media('#EXT-X-KEY:METHOD=AES-128,URI="k.key"', '#EXT-X-MAP:URI="i.mp4"', 's.ts'),
      ...Object.fromEntries(files.map(([name, contents]) => [`d/${name}`, contents])),
      'd/z.mov': '1',
    });
    assert.deepEqual(await world.problems(['d/p.m3u8']), [
      `the playlist d/p.m3u8 needs ${empty}: it is empty`,
    ]);
    assert.deepEqual(await world.lines(['d']), ['d/p.m3u8 (source-invalid)', 'd/z.mov']);
  }
});

test('what may be secret in a URL of a playlist is not told', async () => {
  const playlist = `#EXTM3U
#EXT-X-KEY:METHOD=AES-128,URI="https://h/key?token=SECRET"
https://user:pw@h/x.ts
//user:pw@h/y.ts
../z.ts?token=SECRET
`;
  const mpd = '<MPD><Period xlink:href="https://user:pw@h/p.xml?token=SECRET"/></MPD>';
  await world.write({ 'a.m3u8': playlist, 'b.mpd': mpd });
  const refers = 'the playlist a.m3u8 refers to';
  assert.deepEqual(await world.problems(['a.m3u8', 'b.mpd']), [
    `${refers} https://h/key: it is a URL; ${refers} https://h/x.ts: it is a URL; ` +
      `${refers} //h/y.ts: it is a URL; ${refers} ../z.ts: it contains ../`,
    'cannot use the playlist b.mpd: it refers to another document, https://h/p.xml',
  ]);
});

test('a playlist with a long line is told in a bearable message', async () => {
  await world.write({ 'a.m3u8': `#EXTM3U\nhttps://h/${'x'.repeat(5_000_000)}.ts\n` });
  const [message = ''] = await world.problems(['a.m3u8']);
  assert.ok(message.length < 5000);
  assert.match(message, /…: it is a URL$/);
});
