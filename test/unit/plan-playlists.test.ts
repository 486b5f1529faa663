import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import type { PlanOptions } from '../../src/plan/plan.js';
import { readDash } from '../../src/plan/playlist-dash.js';
import { readHls } from '../../src/plan/playlist-hls.js';
import { resolveReference } from '../../src/plan/playlist.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

const MASTER = `#EXTM3U
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="keys/main.key"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="zh",URI="audio/zh.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframes.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO="a"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=200
high%20q/index.m3u8?v=1
`;
const media = (...lines: string[]): string =>
  ['#EXTM3U', ...lines, '#EXT-X-ENDLIST', ''].join('\n');

const HLS = {
  'hls/master.m3u8': MASTER,
  'hls/keys/main.key': 'k',
  'hls/audio/zh.m3u8': media('#EXTINF:1,', 'zh0.aac'),
  'hls/audio/zh0.aac': 'a',
  'hls/iframes.m3u8': media('#EXT-X-BYTERANGE:1@0', 'low/0.ts'),
  'hls/low/index.m3u8': media('#EXTINF:1,', '0.ts', '#EXTINF:1,', './1.ts'),
  'hls/low/0.ts': '0',
  'hls/low/1.ts': '1',
  'hls/high q/index.m3u8': media(
    '#EXT-X-MAP:URI="init.mp4"',
    '#EXT-X-KEY:METHOD=AES-128,IV=0x1,URI="data:text/plain;base64,AA=="',
  ),
  'hls/high q/init.mp4': 'i',
};
const HLS_KEYS = [
  'keys/main.key',
  'audio/zh.m3u8',
  'iframes.m3u8',
  'low/index.m3u8',
  'high q/index.m3u8',
  'audio/zh0.aac',
  'low/0.ts',
  'low/1.ts',
  'high q/init.mp4',
];

test('a master playlist carries its playlists, keys, init files and segments, each once', async () => {
  await world.write(HLS);
  const jobs = await world.jobs(['hls/master.m3u8']);
  assert.deepEqual(
    jobs.map((job) => job.segments.map((segment) => segment.relativeKey)),
    [HLS_KEYS],
  );
  const [job] = jobs;
  assert.equal(job?.request.mediaType, 'm3u8');
  const key = job?.segments.find((segment) => segment.relativeKey === 'high q/init.mp4');
  assert.equal(key?.path, 'hls/high q/init.mp4');
  assert.equal(key?.realPath, world.at('hls/high q/init.mp4'));
  assert.equal(key?.size, 1);
});

test('what a playlist carries is no media of its own, however it was named or found', async () => {
  await world.write({ ...HLS, 'hls/other.mp4': '1', 'hls/low/alone.ts': '1' });
  const expected = ['hls/low/alone.ts', 'hls/master.m3u8', 'hls/other.mp4'];
  assert.deepEqual(await world.lines(['hls']), expected);
  assert.deepEqual(await world.lines(['hls/**']), expected);
  const shell = ['audio', 'high q', 'iframes.m3u8', 'keys', 'low', 'master.m3u8', 'other.mp4'];
  const typed = await world.lines(shell.map((name) => `hls/${name}`));
  assert.deepEqual(typed, ['hls/iframes.m3u8 (duplicate)', ...expected]);
});

test('every named file of a named playlist is on record, in a list as well', async () => {
  await world.write({ ...HLS, list: Object.keys(HLS).join('\n') });
  const [playlist, ...carried] = Object.keys(HLS);
  const expected = [playlist, ...carried.map((name) => `${name} (duplicate)`)];
  assert.deepEqual(await world.lines([], { filesFrom: 'list' }), expected);
  assert.deepEqual(await world.lines(Object.keys(HLS)), expected.toSorted());
});

test('a named segment of a named playlist needs no extension that VOD accepts', async () => {
  await world.write({
    'd/index.m3u8': media('#EXT-X-MAP:URI="init.m4s"', '#EXTINF:1,', 's1.m4s'),
    'd/init.m4s': '1',
    'd/s1.m4s': '1',
  });
  const named = ['d/index.m3u8', 'd/init.m4s', 'd/s1.m4s'];
  const carried = ['d/init.m4s (duplicate)', 'd/s1.m4s (duplicate)'];
  assert.deepEqual(await world.lines(named), ['d/index.m3u8', ...carried]);
});

test('of playlists that refer to each other, the first is the job', async () => {
  await world.write({
    'd/a.m3u8': media('b.m3u8', 'x.ts'),
    'd/b.m3u8': media('a.m3u8'),
    'd/x.ts': '1',
  });
  assert.deepEqual(await world.lines(['d']), ['d/a.m3u8']);
  const named = ['d/b.m3u8', 'd/a.m3u8'];
  assert.deepEqual(await world.lines(named), ['d/a.m3u8', 'd/b.m3u8 (duplicate)']);
});

const refused: [string, string][] = [
  ['../up.ts', 'it contains ../'],
  ['a/../b.ts', 'it contains ../'],
  ['%2e%2e/up.ts', 'it contains ../'],
  ['/abs.ts', 'it is an absolute path'],
  ['https://cdn.example/x.ts', 'it is a URL'],
  ['//cdn.example/x.ts', 'it is a URL'],
  ['skd://key', 'it is a URL'],
];
for (const [uri, reason] of refused) {
  test(`a reference to ${uri} is refused, because ${reason}`, async () => {
    await world.write({ 'd/p.m3u8': media('#EXTINF:1,', uri), 'd/z.mp4': '1' });
    assert.deepEqual(await world.problems(['d/p.m3u8']), [
      `the playlist d/p.m3u8 refers to ${uri}: ${reason}`,
    ]);
    assert.deepEqual(await world.lines(['d']), ['d/p.m3u8 (source-invalid)', 'd/z.mp4']);
  });
}

test('a nested playlist may not leave the directory of the outermost one either', async () => {
  await world.write({ 'd/p.m3u8': media('sub/q.m3u8'), 'd/sub/q.m3u8': media('../x.ts') });
  assert.deepEqual(await world.problems(['d/p.m3u8']), [
    'the playlist d/sub/q.m3u8 refers to ../x.ts: it contains ../',
  ]);
});

test('references are decoded, lose query and fragment, and a lone percent sign stands for itself', () => {
  assert.deepEqual(resolveReference('a%20b/c.ts?x=1#y', 'sub'), { key: 'sub/a b/c.ts' });
  assert.deepEqual(resolveReference('100%.ts', '.'), { key: '100%.ts' });
  assert.deepEqual(resolveReference('./a//b.ts', '.'), { key: 'a/b.ts' });
  assert.ok('refused' in resolveReference('%00', '.'));
});

test('what is no playlist is not sent as one', async () => {
  await world.write({ 'd/p.m3u8': 'hello', 'd/q.mpd': '<html></html>', 'd/r.mpd': '<MPD>' });
  assert.deepEqual(await world.lines(['d']), [
    'd/p.m3u8 (source-invalid)',
    'd/q.mpd (source-invalid)',
    'd/r.mpd (source-invalid)',
  ]);
});

test('a playlist whose segment changed too lately is too young', async () => {
  await world.write({ 'p.m3u8': media('0.ts'), '0.ts': '1' });
  const now = new Date(Date.now() + 100_000);
  const options: Partial<PlanOptions> = { minAgeMs: 60_000, now };
  assert.deepEqual(await world.lines(['p.m3u8'], options), ['p.m3u8']);
  await fs.utimes(world.at('0.ts'), now, now);
  assert.deepEqual(await world.lines(['p.m3u8'], options), ['p.m3u8 (too-young)']);
});

const hls = (text: string): string[] => [...readHls(text)].map((reference) => reference.uri);
const dash = (text: string): string[] => [...readDash(text)].map((reference) => reference.uri);

test('HLS is read with any line ends and a byte order mark', () => {
  assert.deepEqual(hls('\ufeff#EXTM3U\r\n#comment\r\n0.ts\r\n\r\n1.ts'), ['0.ts', '1.ts']);
});

const mpd = (period: string, attributes = ''): string =>
  `<?xml version="1.0"?><!-- c --><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" ${attributes}>${period}</MPD>`;

test('DASH: a template with a duration is numbered to the end of the period', () => {
  const text = mpd(
    `<Period><AdaptationSet>
      <SegmentTemplate timescale="1000" duration="4000" startNumber="0"
        initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Bandwidth$-$Number%03d$.m4s"/>
      <Representation id="v1" bandwidth="500"/><Representation id="v2" bandwidth="900"/>
    </AdaptationSet></Period>`,
    'mediaPresentationDuration="PT9.5S"',
  );
  assert.deepEqual(
    dash(text),
    ['v1', 'v2'].flatMap((id) => [
      `${id}/init.mp4`,
      ...['000', '001', '002'].map((number) => `${id}/${id === 'v1' ? 500 : 900}-${number}.m4s`),
    ]),
  );
});

test('DASH: a timeline gives times and numbers, repeats and open ends', () => {
  const text = mpd(
    `<Period duration="PT0M10S"><BaseURL>p/</BaseURL><AdaptationSet><BaseURL>v/</BaseURL>
      <SegmentTemplate timescale="10" media="$Time$_$Number$$$.m4s"><SegmentTimeline>
        <S t="5" d="10" r="1"/><S d="15"/><S t="60" d="20" r="-1"/>
      </SegmentTimeline></SegmentTemplate>
      <Representation id="1"/></AdaptationSet></Period>`,
  );
  assert.deepEqual(dash(text), [
    'p/v/5_1$.m4s',
    'p/v/15_2$.m4s',
    'p/v/25_3$.m4s',
    'p/v/60_4$.m4s',
    'p/v/80_5$.m4s',
  ]);
});

test('DASH: a duration may name years and months where they are none', () => {
  const text = (duration: string): string =>
    mpd(
      `<Period><AdaptationSet><SegmentTemplate duration="10" media="$Number$.m4s"/>
        <Representation id="1"/></AdaptationSet></Period>`,
      `mediaPresentationDuration="${duration}"`,
    );
  assert.equal(dash(text('P0Y0M0DT0H3M30.000S')).length, 21);
  assert.throws(() => dash(text('P0Y1M0DT0H3M30.000S')), RangeError);
});

test('DASH: lists, whole files and times beyond 2^53 are read', () => {
  const list = `<SegmentList><Initialization sourceURL="i.mp4"/><SegmentURL media="1.m4s" mediaRange="0-9"/>
    <SegmentURL media="2&amp;.m4s"/></SegmentList>`;
  const big = `<SegmentTemplate timescale="1" media="$Time$.m4s"><SegmentTimeline>
    <S t="17000000000000001" d="2" r="1"/></SegmentTimeline></SegmentTemplate>`;
  const text = mpd(`<Period>
    <AdaptationSet><Representation id="1">${list}</Representation></AdaptationSet>
    <AdaptationSet><Representation id="2"><BaseURL>whole.mp4</BaseURL><SegmentBase indexRange="0-9"/></Representation></AdaptationSet>
    <AdaptationSet>${big}<Representation id="3"/></AdaptationSet></Period>`);
  assert.deepEqual(dash(text), [
    'i.mp4',
    '1.m4s',
    '2&.m4s',
    'whole.mp4',
    '17000000000000001.m4s',
    '17000000000000003.m4s',
  ]);
});

test('DASH: live presentations, remote parts and endless templates are refused', () => {
  const period = (inner: string): string =>
    `<Period><AdaptationSet>${inner}</AdaptationSet></Period>`;
  assert.throws(() => dash('<MPD type="dynamic"></MPD>'), RangeError);
  assert.throws(() => dash(mpd('<Period xlink:href="https://x/"/>')), RangeError);
  const endless = '<SegmentTemplate duration="1" media="$Number$"/><Representation id="1"/>';
  assert.throws(() => dash(mpd(period(endless))), RangeError);
});

test('DASH: a job carries the files, and an absolute BaseURL is refused', async () => {
  const body = (base: string): string =>
    mpd(
      `${base}<Period><AdaptationSet><Representation id="1"><BaseURL>v.mp4</BaseURL></Representation></AdaptationSet></Period>`,
    );
  await world.write({
    'd/a.mpd': body(''),
    'd/v.mp4': '1',
    'e/b.mpd': body('<BaseURL>http://x/</BaseURL>'),
  });
  const [job] = await world.jobs(['d']);
  assert.equal(job?.media.path, 'd/a.mpd');
  assert.deepEqual(
    job?.segments.map((segment) => segment.relativeKey),
    ['v.mp4'],
  );
  assert.deepEqual(await world.problems(['e/b.mpd']), [
    'the playlist e/b.mpd refers to http://x/v.mp4: it is a URL',
  ]);
});

test('DASH: many representations take no longer each than few', async () => {
  const numbers = Array.from({ length: 40_000 }, (_none, index) => index);
  const representations = numbers.map(
    (id) => `<Representation id="${id}"><BaseURL>v.mp4</BaseURL></Representation>`,
  );
  const text = mpd(`<Period><AdaptationSet>${representations.join('')}</AdaptationSet></Period>`);
  const before = process.cpuUsage();
  assert.equal([...readDash(text)].length, numbers.length);
  const { user } = process.cpuUsage(before);
  assert.ok(user < 3e6, `${user / 1e6} s`);
});

test('DASH: references without end are refused at a limit, and the first problems are kept', async () => {
  const template = (attributes: string, last = 1000): string =>
    mpd(
      `<Period><AdaptationSet><SegmentTemplate endNumber="${last}" ${attributes}/>
        <Representation id="1"/></AdaptationSet></Period>`,
    );
  await world.write({
    'above.mpd': template('duration="1" media="../$Number$.m4s"'),
    'same.mpd': template('media="$Time$.m4s"', 1_000_000_000),
    'wide.mpd': template('media="$Number%0500000000d$.m4s"'),
    'long.mpd': template(`media="${'x'.repeat(100_000)}$Number$.m4s"`),
  });
  const before = process.memoryUsage().rss;
  assert.deepEqual(await world.problems(['above.mpd', 'same.mpd', 'wide.mpd', 'long.mpd']), [
    [1, 2, 3, 4, 5]
      .map((n) => `the playlist above.mpd refers to ../${n}.m4s: it contains ../`)
      .concat('there may be more')
      .join('; '),
    'cannot use the playlist long.mpd: a reference in it is too long',
    'cannot use the playlist same.mpd: it has more than 1000000 references to files',
    'cannot use the playlist wide.mpd: a reference in it is too long',
  ]);
  assert.ok(process.memoryUsage().rss - before < 500e6);
});

test('a playlist does not go as another type, without its files', async () => {
  await world.write({
    'v/a.m3u8': '#EXTM3U\n#EXTINF:1,\ns.ts\n',
    'v/s.ts': '1',
    'v/b.mp4': '1',
  });
  const media = { mediaType: 'mp4' };
  assert.deepEqual(await world.problems(['v/a.m3u8'], { media }), [
    'cannot upload v/a.m3u8 as mp4: a playlist goes as what it is, with its files',
  ]);
  const found = await world.lines(['v'], { media });
  assert.deepEqual(found, ['v/a.m3u8 (source-invalid)', 'v/b.mp4', 'v/s.ts']);
});

test('DASH: entities are the five of XML and numbers', () => {
  const text = (base: string): string =>
    mpd(
      `<Period><AdaptationSet><Representation id="1"><BaseURL>${base}</BaseURL></Representation></AdaptationSet></Period>`,
    );
  assert.deepEqual(dash(text('<![CDATA[a<b]]>&amp;&#x41;&constructor;.mp4')), [
    'a<b&A&constructor;.mp4',
  ]);
});
