import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { asNobody, createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

const mpd = (period: string, attributes = ''): string =>
  `<MPD type="static" ${attributes}>${period}</MPD>`;

test('DASH: what is crafted to be slow is refused at once', async () => {
  const numbered = (template: string, attributes = ''): string =>
    mpd(
      `<Period><AdaptationSet>${template}<Representation id="1"/></AdaptationSet></Period>`,
      attributes,
    );
  const texts = {
    'opening.mpd': '<'.repeat(200_000),
    'names.mpd': '<a'.repeat(100_000),
    'comments.mpd': '<!--'.repeat(50_000),
    'quotes.mpd': '<MPD a="'.repeat(25_000),
    'words.mpd': `<MPD ${'a '.repeat(100_000)}`,
    'duration.mpd': numbered(
      '<SegmentTemplate duration="1" media="$Number$.m4s"/>',
      'mediaPresentationDuration="PT999999999999S"',
    ),
    'repeats.mpd': numbered(
      '<SegmentTemplate media="$Number$.m4s"><SegmentTimeline><S d="1" r="999999999999"/></SegmentTimeline></SegmentTemplate>',
    ),
    'digits.mpd': numbered(
      `<SegmentTemplate duration="${'9'.repeat(1_000_000)}" media="$Number$.m4s"/>`,
      'mediaPresentationDuration="PT4S"',
    ),
    'nameless.mpd': mpd(
      `<Period><AdaptationSet><SegmentList>${'<SegmentURL/>'.repeat(5000)}</SegmentList>${'<Representation/>'.repeat(5000)}</AdaptationSet></Period>`,
    ),
  };
  await world.write(texts);
  const { user: before } = process.cpuUsage();
  const problems = await world.problems(Object.keys(texts));
  assert.equal(problems.length, 9);
  assert.equal(problems.filter((message) => /more than 1000000 ref/.test(message)).length, 3);
  assert.ok(process.cpuUsage().user - before < 1.5e6);
});

test('HLS: a line without end costs no time', async () => {
  await world.write({ 'a.m3u8': `#EXTM3U\n${'?'.repeat(100_000)}\u2028x\n` });
  const { user: before } = process.cpuUsage();
  assert.match((await world.problems(['a.m3u8'])).join(), /: it is not a file name$/);
  assert.ok(process.cpuUsage().user - before < 1e6);
});

test('a job list with any number of arrays of rows costs no time', async () => {
  await world.write({ 'a.mp4': '1' });
  const many = Array.from({ length: 10_000 }, () => '"jobs": []').join();
  const { user: before } = process.cpuUsage();
  for (const [list, lines] of [
    [`{${many}}`, []],
    [`{"path":"a.mp4",${many}}`, ['a.mp4']],
    [`{${many},"x":1,"jobs":[{"path":"a.mp4"}]}\n{"jobs":[]}`, ['a.mp4']],
  ] as const) {
    assert.deepEqual(await world.lines([], await world.jobList('l.json', list)), lines);
  }
  assert.ok(process.cpuUsage().user - before < 1e6);
});

test('DASH: what may be part of a playlist with too many references is not uploaded on its own', async () => {
  const template = '<SegmentTemplate endNumber="9999999" media="$Number$.ts"/>';
  await world.write({
    'd/a.mpd': mpd(
      `<Period><AdaptationSet>${template}<Representation id="1"/></AdaptationSet></Period>`,
    ),
    'd/1.ts': '1',
    'e/1.ts': '1',
  });
  assert.deepEqual(await world.lines(['.']), [
    'd/1.ts (source-invalid)',
    'd/a.mpd (source-invalid)',
    'e/1.ts',
  ]);
});

test('a path that is longer than any system takes is told as that, at once and in a bearable message', async () => {
  for (const name of ['x/'.repeat(20_000) + 'a.m3u8', 'x'.repeat(900_000) + '.mp4']) {
    const list = { filesFrom: '-', stdin: Readable.from([Buffer.from(name)]) };
    const { user: before } = process.cpuUsage();
    const [item] = await world.plan([], list);
    assert.ok(item?.status === 'failed');
    assert.equal(item.path, name);
    assert.match(item.failure.message, /^cannot read .{4096}…: its name is too long$/);
    assert.ok(process.cpuUsage().user - before < 1e6);
    const problems = await world.problems([name]);
    assert.match(problems.join(), /^cannot read .{4096}…: its name is too long$/);
  }
  await world.write({ 'p.m3u8': `#EXTM3U\n${'x/'.repeat(5000)}a.m3u8\n` });
  assert.match((await world.problems(['p.m3u8'])).join(), /: its name is too long$/);
});

test('a path that the system takes is told whole', async () => {
  const name = `${'x'.repeat(255)}/`.repeat(15) + 'a.mp4';
  const [message] = await world.problems([name]);
  assert.equal(message, `cannot read ${name}: no such file or directory`);
});

test('a list in any order has each directory looked through once', async () => {
  const directories = Array.from({ length: 70 }, (_none, index) => `d${index}`);
  const names = ['a.mp4', 'b.mp4'].flatMap((name) => directories.map((at) => `${at}/${name}`));
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  await fs.chmod(world.dir, 0o755);
  for (const directory of directories) await fs.chmod(world.at(directory), 0o711);
  const list = { filesFrom: '-', stdin: Readable.from([Buffer.from(names.join('\n'))]) };
  assert.deepEqual(await asNobody(() => world.lines([], list)), names);
  assert.equal(world.warnings.at(-1), 'covers passed over: and 60 more');
});
