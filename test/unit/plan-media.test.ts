import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import type { Job } from '../../src/core/model.js';
import { checkMediaOptions, type MediaOptions } from '../../src/plan/limits.js';
import { cleanName } from '../../src/plan/media-name.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

const NOW = new Date('2026-01-02T03:04:05.678Z');

/** The checked options, the messages of the problems, and the warnings. */
function check(options: MediaOptions): {
  media: MediaOptions;
  messages: string[];
  warnings: string[];
} {
  const problems: { message: string; hint: string }[] = [];
  const warnings: string[] = [];
  const media = checkMediaOptions(options, NOW, problems, (message) => warnings.push(message));
  return { media, messages: problems.map((problem) => problem.message), warnings };
}

test('a media name is NFC, free of what consoles refuse, and 64 code points long at most', () => {
  const cases: [string, string][] = [
    ['plain name', 'plain name'],
    ['a\\b/c:d*e?f"g<h>i|j', 'a_b_c_d_e_f_g_h_i_j'],
    ['line\nbreak\x7f', 'line_break_'],
    ['e\u0301', '\u00e9'],
    ['', '_'],
    ['  ', '_'],
    ['x'.repeat(64), 'x'.repeat(64)],
    ['x'.repeat(65), 'x'.repeat(64)],
    ['🎬'.repeat(64), '🎬'.repeat(64)],
    ['🎬'.repeat(70), '🎬'.repeat(64)],
    [`${'x'.repeat(63)}👨‍👩‍👧`, 'x'.repeat(63)],
    [`x${'\u0301'.repeat(80)}`, `x${'\u0301'.repeat(80)}`.normalize('NFC').slice(0, 64)],
  ];
  for (const [raw, name] of cases) assert.equal(cleanName(raw), name, JSON.stringify(raw));
});

test('the default name is the file name up to its last dot; a changed one is warned about', async () => {
  await world.write({ 'v/a.b.mp4': '1', 'v/was:this.mp4': '1' });
  const jobs = await world.jobs(['v']);
  assert.deepEqual(
    jobs.map((job) => job.request.mediaName),
    ['a.b', 'was_this'],
  );
  assert.deepEqual(world.warnings, ['v/was:this.mp4 is uploaded under the name "was_this"']);
});

test('many changed names are warned about ten times, then counted', async () => {
  const names = Array.from({ length: 15 }, (_, index) => `v/${index}?.mp4`);
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  await world.plan(['v']);
  assert.equal(world.warnings.length, 11);
  assert.equal(world.warnings.at(-1), 'names changed: and 5 more');
});

test('templates know stem, name, ext, dir, parent, index and date', async () => {
  await world.write({ 'v/x/b.MP4': '1', 'v/a.mov': '1' });
  const now = new Date(2026, 0, 2, 3, 4, 5);
  const jobs = await world.jobs(['v'], {
    now,
    media: {
      name: '{stem}-{name}-{ext}-{dir}-{parent}-{index}-{date}',
      storagePath: '/in/{dir}/{date}/{name}',
    },
  });
  assert.deepEqual(
    jobs.map((job) => [job.request.mediaName, job.request.mediaStoragePath]),
    [
      ['a-a.mov-mov-v-v-1-2026-01-02', '/in/v/2026-01-02/a.mov'],
      ['b-b.MP4-mp4-v_x-x-2-2026-01-02', '/in/v/x/2026-01-02/b.MP4'],
    ],
  );
});

test('a storage path takes the names of a directory that is absolute, none or above', async () => {
  await world.write({ 'a.mp4': '1', 'v/...mp4': '1', 'v/b.mp4': '1' });
  const plan = async (inputs: string[], storagePath: string, cwd = world.dir): Promise<unknown[]> =>
    (await world.plan(inputs, { cwd, media: { storagePath } })).map((item) =>
      item.status === 'failed'
        ? item.failure.message
        : item.status === 'planned' && item.job.request.mediaStoragePath,
    );
  assert.deepEqual(await plan(['a.mp4'], '/{dir}/{name}'), ['/a.mp4']);
  assert.deepEqual(await plan([world.at('a.mp4')], '/x/{dir}/{name}'), [`/x${world.at('a.mp4')}`]);
  assert.deepEqual(await plan(['../a.mp4'], '/x/{dir}/{name}', world.at('v')), ['/x/a.mp4']);
  assert.deepEqual(await plan(['a.mp4'], '/{dir}'), [
    'the storage path of a.mp4 would be /, of which a step names nothing',
  ]);
  assert.deepEqual(await plan(['v/...mp4', 'v/b.mp4'], '/{stem}/{name}'), [
    'the storage path of v/...mp4 would be /../...mp4, of which a step names nothing',
    '/b/b.mp4',
  ]);
});

test('two files may not go to one storage path', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/b.mp4': '1' });
  assert.deepEqual(await world.lines(['v'], { media: { storagePath: '/fixed.mp4' } }), [
    'v/a.mp4',
    'v/b.mp4 (source-invalid)',
  ]);
});

test('files of playlists may not go to one storage path either, unless they are the same', async () => {
  const playlist = (...names: string[]): string => ['#EXTM3U', ...names, ''].join('\n');
  await world.write({
    'v/a/index.m3u8': playlist('0.ts'),
    'v/a/0.ts': 'a',
    'v/b/index.m3u8': playlist('0.ts'),
    'v/b/0.ts': 'b',
    'w/a/master.m3u8': playlist('index.m3u8'),
    'w/a/index.m3u8': playlist('0.ts'),
    'w/a/0.ts': 'w',
    'x/low.m3u8': playlist('0.ts'),
    'x/high.m3u8': playlist('0.ts'),
    'x/0.ts': 'x',
  });
  const messages = async (input: string, storagePath: string): Promise<string[]> =>
    (await world.plan([input], { media: { storagePath } })).map((item) =>
      item.status === 'failed' ? item.failure.message : item.status,
    );
  assert.deepEqual(await messages('v', '/{parent}.m3u8'), [
    'planned',
    'v/b/0.ts would overwrite another file of this run at /0.ts',
  ]);
  assert.deepEqual(await messages('v', '/{dir}/{name}'), ['planned', 'planned']);
  assert.deepEqual(await messages('w', '/{parent}/index.m3u8'), [
    'w/a/index.m3u8 would overwrite another file of this run at /a/index.m3u8',
  ]);
  assert.deepEqual(await messages('x', '/{name}'), ['planned', 'planned']);
});

test('a file whose key COS would refuse as too long fails in the plan', async () => {
  const [directory, name] = ['夜'.repeat(20), `${'市'.repeat(60)}.ts`];
  const playlist = `#EXTM3U\n#EXTINF:1,\n${directory}/${name}\n#EXT-X-ENDLIST\n`;
  await world.write({ 'v/tour.m3u8': playlist, [`v/${directory}/${name}`]: '1', 'a.mp4': '1' });
  const told = async (input: string, storagePath?: string): Promise<string[]> => {
    const media = storagePath === undefined ? {} : { storagePath };
    return (await world.plan([input], { media })).map((item) =>
      item.status === 'failed' ? item.failure.message : item.status,
    );
  };
  const most = 'COS takes keys of 850 bytes, URL-encoded';
  const segment = `the playlist v/tour.m3u8 needs ${directory}/${name}: its path is too long: ${most}`;
  // 180 + 3 + 543 bytes: 124 are left for the folder.
  assert.deepEqual(await told('v'), ['planned']);
  assert.deepEqual(await told('v', `/${'f'.repeat(121)}/{name}`), ['planned']);
  assert.deepEqual(await told('v', `/${'f'.repeat(122)}/{name}`), [segment]);
  assert.deepEqual(await told('a.mp4', `/${'f'.repeat(845)}.mp4`), ['planned']);
  const own = `the storage path of a.mp4 is too long: ${most}`;
  assert.deepEqual(await told('a.mp4', `/${'市'.repeat(95)}.mp4`), [own]);
  const longer = `${'市'.repeat(75)}.ts`;
  await world.write({
    'w/tour.m3u8': playlist.replace(name, longer),
    [`w/${directory}/${longer}`]: '1',
  });
  assert.deepEqual(await told('w'), [segment.replace('v/tour', 'w/tour').replace(name, longer)]);
});

test('a template that is wrong names what is known', () => {
  const { messages } = check({ name: '{stm} {x}', storagePath: 'relative/{name}' });
  assert.deepEqual(messages, [
    '--name contains {stm}, which is not known',
    '--name contains {x}, which is not known',
    '--storage-path relative/{name} does not begin with /',
  ]);
  assert.equal(check({ name: ' ' }).messages.length, 1);
});

test('a storage path that the service would rewrite is a problem', () => {
  for (const [storagePath, reason] of [
    ['/', 'nothing behind a slash'],
    ['/a//{name}', 'nothing behind a slash'],
    ['/a/', 'nothing behind a slash'],
    ['/{dir}/../{name}', 'the step ..'],
    ['/./{name}', 'the step .'],
  ] as const) {
    const { messages } = check({ storagePath });
    assert.deepEqual(messages, [`--storage-path ${storagePath} has ${reason}`]);
  }
});

test('contexts are limited in characters and in bytes', () => {
  assert.deepEqual(check({ sourceContext: 'x'.repeat(250) }).messages, []);
  assert.deepEqual(check({ sourceContext: 'x'.repeat(251) }).messages, [
    '--source-context has 251 characters (251 bytes in UTF-8); VOD takes 250',
  ]);
  assert.deepEqual(check({ sourceContext: '字'.repeat(100) }).messages, [
    '--source-context has 100 characters (300 bytes in UTF-8); VOD takes 250',
  ]);
  assert.equal(check({ sessionContext: 'x'.repeat(1001), procedure: 'p' }).messages.length, 1);
});

test('a session context without a procedure is a warning', () => {
  const { messages, warnings } = check({ sessionContext: 's' });
  assert.deepEqual([messages.length, warnings.length], [0, 1]);
  assert.equal(check({ sessionContext: 's', procedure: 'p' }).warnings.length, 0);
});

test('an expiry is a time or a duration, in the future, and goes out as ISO 8601', () => {
  const good: [string, string][] = [
    ['2030-01-31T00:00:00Z', '2030-01-31T00:00:00Z'],
    ['2030-01-31T08:00:00+08:00', '2030-01-31T08:00:00+08:00'],
    ['2030-01-31T08:00:00.5Z', '2030-01-31T08:00:00Z'],
    ['2030-01-31', '2030-01-31T00:00:00Z'],
    ['1d', '2026-01-03T03:04:05Z'],
  ];
  for (const [given, sent] of good) {
    const { media, messages } = check({ expireTime: given });
    assert.deepEqual([media.expireTime, messages], [sent, []], given);
    assert.equal(media.isExpiryRelative, given === '1d', given);
  }
  for (const bad of [
    'yesterday',
    '2030-02-30',
    '2030-01-31 00:00',
    '2020-01-01',
    '0',
    '',
    '9999999d',
  ]) {
    assert.equal(check({ expireTime: bad }).messages.length, 1, bad);
  }
});

test('ids are whole numbers, and types are those that VOD accepts', () => {
  assert.deepEqual(check({ classId: 0, subAppId: 1500001234 }).messages, []);
  for (const bad of [{ classId: 1.5 }, { classId: -1 }, { subAppId: 0 }, { subAppId: NaN }]) {
    assert.equal(check(bad).messages.length, 1);
  }
  for (const mediaType of ['m p4', 'exe', '']) {
    assert.deepEqual(check({ mediaType }).messages, [
      `VOD does not accept media of the type ${mediaType} (--media-type)`,
    ]);
  }
  for (const coverType of ['../x', 'mp4']) {
    assert.deepEqual(check({ coverType }).messages, [
      `VOD does not accept covers of the type ${coverType} (--cover-type)`,
    ]);
  }
  assert.deepEqual(check({ mediaType: 'png', coverType: 'png' }).messages, []);
  assert.equal(check({ mediaType: '.MP4' }).media.mediaType, 'mp4');
});

test('the request holds what was asked for and nothing else', async () => {
  await world.write({ 'a.mp4': '1' });
  const [bare] = await world.jobs(['a.mp4']);
  assert.deepEqual(bare?.request, { mediaType: 'mp4', mediaName: 'a' });
  const media = {
    procedure: 'p',
    storageRegion: 'ap-chongqing',
    subAppId: 7,
    classId: 0,
    sourceContext: 's',
    sessionContext: 't',
    extInfo: 'e',
  };
  const [full] = await world.jobs(['a.mp4'], { media });
  assert.deepEqual(full?.request, { mediaType: 'mp4', mediaName: 'a', ...media });
});

test('the identity of a job hangs on scope, sub-application, real path, size and mtime alone', async () => {
  await world.write({ 'a.mp4': '1' });
  await fs.utimes(world.at('a.mp4'), 1000, 1000);
  const id = async (...args: Parameters<PlanWorld['jobs']>): Promise<string> => {
    const [job] = await world.jobs(...args);
    return (job as Job).id;
  };
  const first = await id(['a.mp4']);
  assert.match(first, /^[0-9a-f]{32}$/);
  assert.equal(await id([world.at('a.mp4')], { media: { procedure: 'p' } }), first);
  const others = [
    await id(['a.mp4'], { scope: 'other' }),
    await id(['a.mp4'], { media: { subAppId: 7 } }),
  ];
  await fs.utimes(world.at('a.mp4'), 1000, 1001);
  others.push(await id(['a.mp4']));
  await fs.writeFile(world.at('a.mp4'), '12');
  await fs.utimes(world.at('a.mp4'), 1000, 1000);
  others.push(await id(['a.mp4']));
  assert.equal(new Set([first, ...others]).size, 5);
});

test('the order is by name, size or age, or large and small by turns', async () => {
  await world.write({ 'v/a.mp4': '333', 'v/b.mp4': '1', 'v/c.mp4': '22', 'v/d.mp4': '4444' });
  for (const [index, name] of ['d', 'b', 'c', 'a'].entries()) {
    await fs.utimes(world.at(`v/${name}.mp4`), 1000 + index, 1000 + index);
  }
  const order = async (by: 'name' | 'smallest' | 'largest' | 'oldest' | 'mixed'): Promise<string> =>
    (await world.jobs(['v'], { order: by })).map((job) => job.request.mediaName).join('');
  assert.equal(await order('name'), 'abcd');
  assert.equal(await order('smallest'), 'bcad');
  assert.equal(await order('largest'), 'dacb');
  assert.equal(await order('oldest'), 'dbca');
  assert.equal(await order('mixed'), 'dbac');
});
