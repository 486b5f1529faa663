import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, test } from 'node:test';
import { UsageError } from '../../src/core/errors.js';
import type { PlanItem } from '../../src/core/model.js';
import { planUploads, type PlanOptions } from '../../src/plan/plan.js';
import { createPlanWorld, extraOf, type PlanWorld } from '../helpers/plan-world.js';

const project = fileURLToPath(new URL('../../..', import.meta.url));

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', 'c.mp4': '1', 'c.jpg': '1' });
});
afterEach(() => world.remove());

function requestOf(item: PlanItem | undefined) {
  assert.equal(item?.status, 'planned');
  return item.job.request;
}

test('the values of a row win over the flags, and an empty cell leaves it to them', async () => {
  const list = 'path,procedure,classId,subAppId\na.mp4,own,7,1500000002\nb.mp4,,,\n';
  const media = { procedure: 'flag', classId: 3, subAppId: 1500000001, sessionContext: 's' };
  const items = await world.plan([], await world.jobList('list.csv', list, { media }));
  assert.deepEqual(
    items.map(requestOf).map(({ procedure, classId, subAppId }) => [procedure, classId, subAppId]),
    [
      ['own', 7, 1500000002],
      ['flag', 3, 1500000001],
    ],
  );
});

test('every known column becomes a field of the request', async () => {
  const row = {
    path: 'a.mp4',
    name: 'n',
    mediaType: '.MOV',
    cover: 'c.jpg',
    coverType: 'png',
    classId: '5',
    procedure: 'p',
    storageRegion: 'ap-chongqing',
    expireTime: '2099-01-01',
    sourceContext: 's',
    sessionContext: 't',
    storagePath: '/x/y.mp4',
    subAppId: 1500000001,
    extInfo: 'e',
  };
  assert.deepEqual(
    requestOf((await world.plan([], await world.jobList('list.json', JSON.stringify([row]))))[0]),
    {
      mediaName: 'n',
      mediaType: 'mov',
      coverType: 'png',
      classId: 5,
      procedure: 'p',
      storageRegion: 'ap-chongqing',
      expireTime: '2099-01-01T00:00:00Z',
      isExpiryRelative: false,
      sourceContext: 's',
      sessionContext: 't',
      mediaStoragePath: '/x/y.mp4',
      subAppId: 1500000001,
      extInfo: 'e',
    },
  );
});

test('names and storage paths of rows are no templates, those of flags are', async () => {
  const list = '{"path":"a.mp4","name":"{stem}","storagePath":"/{date}/a.mp4"}\n{"path":"b.mp4"}';
  const media = { name: '{stem}-{index}', storagePath: '/{name}' };
  const requests = (await world.plan([], await world.jobList('list.jsonl', list, { media }))).map(
    requestOf,
  );
  assert.deepEqual(
    requests.map(({ mediaName, mediaStoragePath }) => [mediaName, mediaStoragePath]),
    [
      ['{stem}', '/{date}/a.mp4'],
      ['b-2', '/b.mp4'],
    ],
  );
});

test('one file goes once to each sub-application', async () => {
  const list = 'path,subAppId\na.mp4,1\na.mp4,2\na.mp4,\n./a.mp4,2\n';
  const options = { media: { subAppId: 1 } };
  assert.deepEqual(await world.lines([], await world.jobList('list.csv', list, options)), [
    'a.mp4',
    'a.mp4',
    'a.mp4 (duplicate)',
    './a.mp4 (duplicate)',
  ]);
  const ids = (await world.jobs([], { jobs: 'list.csv', ...options })).map((job) => job.id);
  assert.equal(new Set(ids).size, 2);
});

test('what is wrong with rows is said with row, line and column, and nothing is planned', async () => {
  const wrong = { cwd: project, jobs: 'fixtures/jobs/wrong.csv' };
  assert.deepEqual(await world.problems([], wrong), [
    'fixtures/jobs/wrong.csv, row 1 (line 2): classId twelve is not a number',
    'fixtures/jobs/wrong.csv, row 2 (line 4): it has no path',
    'fixtures/jobs/wrong.csv, row 3 (line 5): sourceContext has 251 characters (251 bytes in UTF-8); VOD takes 250',
    'fixtures/jobs/wrong.csv, row 3 (line 5): expireTime 2001-01-01 is in the past',
    'fixtures/jobs/wrong.csv, row 3 (line 5): VOD does not accept media of the type exe (mediaType)',
  ]);
  await assert.rejects(
    planUploads(world.options([], wrong), new AbortController().signal),
    (error) =>
      error instanceof UsageError && error.problems.every(({ hint }) => /^[A-Z].*\.$/.test(hint)),
  );
  const rows: [object, string][] = [
    [{ path: 7 }, 'path is not a text'],
    [{ path: 'a.mp4', classId: 1.5 }, 'classId 1.5 is not a whole number from 0'],
    [{ path: 'a.mp4', subAppId: [1, 2] }, 'subAppId [1,2] is not a number'],
    [{ path: 'a.mp4', name: true }, 'name true is not a text'],
    [{ path: 'a.mp4', classId: { toString: 1 } }, 'classId {"toString":1} is not a number'],
    [{ path: 'a.mp4', classId: [7] }, 'classId [7] is not a number'],
    [
      { path: 'a.mp4', storageRegion: 'ap guangzhou' },
      'storageRegion ap guangzhou is not the name of a region, such as ap-guangzhou',
    ],
    [{ path: 'a.mp4', storagePath: 'x' }, 'storagePath x does not begin with /'],
    [{ path: 'a.mp4', storagePath: '/x/../y' }, 'storagePath /x/../y has the step ..'],
    [
      { path: 'v/a.m3u8', mediaType: 'mp4' },
      'cannot upload v/a.m3u8 as mp4: a playlist goes as what it is, with its files',
    ],
    [{ path: 'a.mp4', coverType: 'mp4' }, 'VOD does not accept covers of the type mp4 (coverType)'],
  ];
  for (const [row, message] of rows) {
    assert.deepEqual(
      await world.problems([], await world.jobList('list.json', JSON.stringify([row]))),
      [`list.json, row 1 (line 1): ${message}`],
    );
  }
  for (const column of ['id', 'sourceContext', 'name']) {
    const list = `{"path":"a.mp4","${column}":12345678901234567890}`;
    assert.deepEqual(await world.problems([], await world.jobList('list.jsonl', list)), [
      `list.jsonl, row 1 (line 1): ${column} holds a number that exceeds 2^53`,
    ]);
  }
});

test('a value that the manifest could not hold is told with its row, in every column', async () => {
  const nested = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  for (const column of ['id', 'cover', 'classId']) {
    const list = `[{"path":"a.mp4","${column}":${nested}}]`;
    assert.deepEqual(await world.problems([], await world.jobList('list.json', list)), [
      `list.json, row 1 (line 1): ${column} is nested more than 100 levels deep`,
    ]);
  }
  const marks = 'errorCode,reason,attempts,bytesSent,bytesResumed';
  const csv = `path,status,${marks},extra\na.mp4,failed,network,,1,0,0,"{""id"":${nested}}"\n`;
  assert.deepEqual(await world.problems([], await world.jobList('list.csv', csv)), [
    'list.csv, row 1 (line 2): id is nested more than 100 levels deep',
  ]);
  const list = '[{"path":"a.mp4","classId":1e999}]';
  assert.deepEqual(await world.problems([], await world.jobList('list.json', list)), [
    'list.json, row 1 (line 1): classId holds a number that exceeds 2^53',
  ]);
});

test('of many wrong rows the first are told and the rest are counted', async () => {
  const problems = await world.problems(
    [],
    await world.jobList('list.csv', `path,classId\n${'a.mp4,x\n'.repeat(100)}`),
  );
  assert.equal(problems.length, 21);
  assert.equal(problems.at(-1), 'list.csv: and 80 more such problems');
  const twice = await world.problems(
    [],
    await world.jobList('list.csv', `path,classId,subAppId\n${'a.mp4,x,x\n'.repeat(20)}`),
  );
  assert.equal(twice.at(-1), 'list.csv: and 20 more such problems');
});

test('a row whose file or cover is gone fails by itself, and keeps what it said', async () => {
  await world.write({ 'd/x.mp4': '1', 'empty.jpg': '', 'note.txt': '1' });
  const list = [
    'path,cover,id',
    'gone.mp4,c.jpg,1',
    'a.mp4,gone.jpg,2',
    'b.mp4,empty.jpg,3',
    'd,,4',
    'note.txt,,5',
    'c.mp4,,6',
  ].join('\n');
  const items = await world.plan([], await world.jobList('list.csv', list));
  const lines = items.map((item) =>
    item.status === 'failed'
      ? `${item.path} ${item.failure.code} ${item.failure.facts.stage}: ${item.failure.message}`
      : item.status,
  );
  assert.deepEqual(lines, [
    'gone.mp4 source-missing plan: cannot read gone.mp4: no such file or directory',
    'a.mp4 cover-missing plan: the cover of a.mp4 cannot be used: cannot read gone.jpg: no such file or directory',
    'b.mp4 source-invalid plan: the cover of b.mp4 cannot be used: the cover empty.jpg is empty',
    'd source-invalid plan: cannot upload d: it is a directory',
    'note.txt source-unsupported plan: cannot upload note.txt: VOD does not accept .txt files',
    'planned',
  ]);
  assert.deepEqual(items.map(extraOf).slice(0, 2), [
    { id: '1', given: { cover: 'c.jpg' } },
    { id: '2', given: { cover: 'gone.jpg' } },
  ]);
});

test('rows of one file that cannot go now are told each: they may differ', async () => {
  const list = 'path,cover\na.mp4,x.jpg\na.mp4,y.jpg\nb.mp4,c.jpg\nb.mp4,\n';
  const options = { minAgeMs: 60_000, now: new Date() };
  const lines = await world.lines([], await world.jobList('list.csv', list, options));
  const [missing, young] = ['a.mp4 (cover-missing)', 'b.mp4 (too-young)'];
  assert.deepEqual(lines, [missing, missing, young, young]);
});

test('the cover of a row wins over the one beside the file and over the flags', async () => {
  await world.write({ 'other.png': '1', 'odd.bin': '1' });
  const covers = async (list: string, options?: Partial<PlanOptions>): Promise<unknown[]> =>
    (await world.plan([], await world.jobList('list.csv', list, options))).map(
      (item) => item.status === 'planned' && [item.job.cover?.path, item.job.request.coverType],
    );
  assert.deepEqual(await covers('path,cover\nc.mp4,other.png\n'), [['other.png', 'png']]);
  assert.deepEqual(await covers('path,cover\nc.mp4,\n'), [['c.jpg', 'jpg']]);
  assert.deepEqual(await covers('path,cover\nc.mp4,other.png\n', { covers: 'off' }), [
    ['other.png', 'png'],
  ]);
  assert.deepEqual(await covers('path,cover\nc.mp4,other.png\n', { cover: 'c.jpg' }), [
    ['other.png', 'png'],
  ]);
  assert.deepEqual(await covers('path,cover,coverType\nc.mp4,odd.bin,jpg\n'), [['odd.bin', 'jpg']]);
});

test('a row names its type, so that any file is a media and a playlist carries its files', async () => {
  await world.write({ 'rec.bin': '1', 'live.txt': '#EXTM3U\n#EXTINF:1,\ns.ts\n', 's.ts': '1' });
  const list = 'path,mediaType\nrec.bin,mp4\nlive.txt,m3u8\ns.ts,\n';
  const expected = ['rec.bin', 'live.txt', 's.ts (duplicate)'];
  assert.deepEqual(await world.lines([], await world.jobList('list.csv', list)), expected);
});

test('exclusions win over rows too', async () => {
  assert.deepEqual(
    await world.lines(
      [],
      await world.jobList('list.csv', 'path\na.mp4\nb.mp4\n', { exclude: ['a*'] }),
    ),
    ['b.mp4'],
  );
});

test('inputs, lists and a job list make one plan, in which each file is once', async () => {
  await world.write({ 'list.txt': 'b.mp4\n' });
  assert.deepEqual(await world.lines(['a.mp4'], { filesFrom: 'list.txt' }), ['a.mp4', 'b.mp4']);
  await fs.writeFile(world.at('list.csv'), 'path\nb.mp4\nc.mp4\n');
  assert.deepEqual(await world.lines(['a.mp4'], { filesFrom: 'list.txt', jobs: 'list.csv' }), [
    'a.mp4',
    'b.mp4',
    'b.mp4 (duplicate)',
    'c.mp4',
  ]);
});

test('columns that are almost known, or that a manifest has of its own, are warned of once', async () => {
  const list = 'path,media_type,SubAppId,size,colour\na.mp4,mov,1,5,red\nb.mp4,mov,1,6,blue\n';
  const items = await world.plan([], await world.jobList('list.csv', list));
  assert.deepEqual(world.warnings, [
    'list.csv: the column size is not kept: a manifest has its own of that name',
    'list.csv: the column media_type has no effect: did you mean mediaType?',
    'list.csv: the column SubAppId has no effect: did you mean subAppId?',
  ]);
  assert.deepEqual(extraOf(items[0]), { media_type: 'mov', SubAppId: '1', colour: 'red' });
});
