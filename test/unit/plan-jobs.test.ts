import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, test } from 'node:test';
import { UsageError } from '../../src/core/errors.js';
import type { PlanItem } from '../../src/core/model.js';
import { planUploads, type PlanOptions } from '../../src/plan/plan.js';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

const project = fileURLToPath(new URL('../../..', import.meta.url));

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', 'c.mp4': '1', 'c.jpg': '1' });
});
afterEach(() => world.remove());

/** Writes a job list and plans from it. */
async function planFrom(
  name: string,
  list: string | Buffer,
  options: Partial<PlanOptions> = {},
): Promise<PlanItem[]> {
  await fs.writeFile(world.at(name), list);
  return world.plan([], { jobs: name, ...options });
}

async function linesFrom(
  name: string,
  list: string | Buffer,
  options: Partial<PlanOptions> = {},
): Promise<string[]> {
  await fs.writeFile(world.at(name), list);
  return world.lines([], { jobs: name, ...options });
}

async function problemsFrom(
  name: string,
  list: string | Buffer,
  options: Partial<PlanOptions> = {},
): Promise<string[]> {
  await fs.writeFile(world.at(name), list);
  return world.problems([], { jobs: name, ...options });
}

function requestOf(item: PlanItem | undefined) {
  assert.equal(item?.kind, 'job');
  return item.job.request;
}

function extraOf(item: PlanItem | undefined): unknown {
  assert.ok(item);
  return item.kind === 'job' ? item.job.extra : (item as { extra?: unknown }).extra;
}

test('the same list in CSV, JSON and JSON Lines is the same plan', async () => {
  for (const file of ['campaign.csv', 'campaign.json', 'campaign.jsonl']) {
    const items = await world.plan([], { cwd: project, jobs: `fixtures/jobs/${file}` });
    assert.deepEqual(
      items.map((item) => {
        assert.equal(item.kind, 'job', file);
        const { media, cover, request } = item.job;
        return [media.path, cover?.path, request.mediaName, request.classId, request.procedure];
      }),
      [
        [
          'fixtures/media/harbour.mp4',
          'fixtures/media/harbour.jpg',
          'Harbour at dawn',
          12,
          'QCVB_SimpleProcessFile(1,1)',
        ],
        [
          'fixtures/media/night market 夜市.mp4',
          'fixtures/media/logo.png',
          '夜市',
          undefined,
          undefined,
        ],
        ['fixtures/media/festival.mp4', undefined, 'festival', undefined, undefined],
      ],
      file,
    );
    assert.deepEqual(
      items.map(extraOf),
      [
        {
          'cms id': '0017',
          note: 'first of the series, "uncut"',
          given: {
            name: 'Harbour at dawn',
            procedure: 'QCVB_SimpleProcessFile(1,1)',
            classId: 12,
            expireTime: '2099-12-31T23:59:59Z',
            sourceContext: 'order=1',
          },
        },
        {
          'cms id': '0018',
          note: 'two\r\nlines',
          given: { name: '夜市', cover: 'fixtures/media/logo.png' },
        },
        { 'cms id': '0019', note: '' },
      ],
      file,
    );
  }
});

test('a list without an extension that tells is known by its first character', async () => {
  assert.deepEqual(await linesFrom('list', 'path\na.mp4\n'), ['a.mp4']);
  assert.deepEqual(await linesFrom('list', '\ufeff\n [{"path":"b.mp4"}]'), ['b.mp4']);
  assert.deepEqual(await linesFrom('list.txt', '{"path":"a.mp4"}\n{"path":"b.mp4"}'), [
    'a.mp4',
    'b.mp4',
  ]);
});

test('the values of a row win over the flags, and an empty cell leaves it to them', async () => {
  const list = 'path,procedure,classId,subAppId\na.mp4,own,7,1500000002\nb.mp4,,,\n';
  const media = { procedure: 'flag', classId: 3, subAppId: 1500000001, sessionContext: 's' };
  const items = await planFrom('list.csv', list, { media });
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
    storagePath: '/x/../y.mp4',
    subAppId: 1500000001,
    extInfo: 'e',
  };
  assert.deepEqual(requestOf((await planFrom('list.json', JSON.stringify([row])))[0]), {
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
  });
});

test('names and storage paths of rows are no templates, those of flags are', async () => {
  const list = '{"path":"a.mp4","name":"{stem}","storagePath":"/{date}/a.mp4"}\n{"path":"b.mp4"}';
  const media = { name: '{stem}-{index}', storagePath: '/{name}' };
  const requests = (await planFrom('list.jsonl', list, { media })).map(requestOf);
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
  assert.deepEqual(await linesFrom('list.csv', list, options), [
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
    [
      { path: 'a.mp4', storageRegion: 'ap guangzhou' },
      'storageRegion ap guangzhou is not the name of a region, such as ap-guangzhou',
    ],
    [{ path: 'a.mp4', storagePath: 'x' }, 'storagePath x does not begin with /'],
    [{ path: 'a.mp4', coverType: 'mp4' }, 'VOD does not accept covers of the type mp4 (coverType)'],
  ];
  for (const [row, message] of rows) {
    assert.deepEqual(await problemsFrom('list.json', JSON.stringify([row])), [
      `list.json, row 1 (line 1): ${message}`,
    ]);
  }
  for (const column of ['id', 'sourceContext', 'name']) {
    const list = `{"path":"a.mp4","${column}":12345678901234567890}`;
    assert.deepEqual(await problemsFrom('list.jsonl', list), [
      `list.jsonl, row 1 (line 1): ${column} holds a number that exceeds 2^53`,
    ]);
  }
});

test('of many wrong rows the first are told and the rest are counted', async () => {
  const problems = await problemsFrom('list.csv', `path,classId\n${'a.mp4,x\n'.repeat(100)}`);
  assert.equal(problems.length, 21);
  assert.equal(problems.at(-1), 'list.csv: and 80 more such problems');
  const twice = await problemsFrom(
    'list.csv',
    `path,classId,subAppId\n${'a.mp4,x,x\n'.repeat(20)}`,
  );
  assert.equal(twice.at(-1), 'list.csv: and 20 more such problems');
});

test('a list that breaks the rules of its format is told with its line', async () => {
  const lists: [string, string | Buffer, RegExp][] = [
    ['l.csv', 'name\nx\n', /^l\.csv: line 1: no column is called path$/],
    ['l.csv', 'path;name\nx;y\n', /no column is called path/],
    ['l.csv', 'path,a,a\nx,1,2\n', /line 1: the column a is there twice/],
    ['l.csv', 'path,name\na.mp4,x\nb.mp4,y,z\n', /row 2 \(line 3\) has 3 cells, and the header 2/],
    ['l.csv', 'path,name\n"a\nb.mp4",x\n"c"d,y\n', /line 4: cell 1 has text behind its closing/],
    ['l.csv', 'path\n"a.mp4\n', /line 2: cell 1 has text behind its closing quote, or none/],
    ['l.csv', `path\n"${'x'.repeat(2 ** 21)}`, /line 2: the row is longer than 1 MiB/],
    ['l.csv', 'path,\na.mp4,x\n', /row 1 \(line 2\): the column of cell 2 has no name/],
    ['l.csv', Buffer.from('path\n\xc4\xe3.mp4\n', 'latin1'), /line 2 is not UTF-8/],
    ['l.csv', Buffer.from('\ufeffpath\na.mp4\n', 'utf16le'), /it is UTF-16/],
    ['l.json', '[{"path":"a.mp4"},]', /line 1: it is not JSON/],
    ['l.json', '[\n{"path":"a.mp4"}\n{"path":"b.mp4"}]', /line 2: it is not JSON/],
    ['l.json', '[\n{"path":"a.mp4"},\n7]', /line 3: row 2 is not an object/],
    ['l.json', '{"jobs":[{"path":"a.mp4"}]', /the list ends before this is closed/],
    ['l.json', '{"jobs":[{"path":"a.mp4"}], x}', /line 1: it is not JSON/],
    ['l.json', '{"path":"a.mp4"}]', /it is neither an object nor an array/],
    ['l.json', 'path\na.mp4\n', /line 1: it is neither an object nor an array/],
    ['l.jsonl', '{"path":"a.mp4"}\n{"path":"b\n{"path":"c.mp4"}\n', /line 2: a text is not closed/],
    [
      'l.jsonl',
      '{"path":"a.mp4"}\n{"path":"b.mp4"\n',
      /line 2: the list ends before this is closed/,
    ],
    ['l.jsonl', `{"path":"${'x'.repeat(2 ** 21)}`, /line 1: the row is longer than 1 MiB/],
  ];
  for (const [name, list, expected] of lists) {
    const problems = await problemsFrom(name, list);
    assert.equal(problems.length, 1, String(expected));
    assert.match(problems[0] as string, expected);
  }
  assert.deepEqual(await world.problems([], { jobs: 'gone.csv' }), [
    '--jobs: cannot read gone.csv: no such file or directory',
  ]);
  assert.deepEqual(await world.problems([], { jobs: '.' }), [
    '--jobs: cannot read .: it is a directory',
  ]);
});

test('CSV has quotes, quoted line breaks, CRLF, blank lines and exact cells', async () => {
  const names = [' lead.mp4', 'a, "b".mp4', 'line\r\nbreak.mp4', 'it"s.mp4', '""x.mp4'];
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  const list = [
    '\ufeffnote , path\r\n',
    'x, lead.mp4\r\n',
    '\r\n',
    'y,"a, ""b"".mp4"\n',
    '"two\n""lines""","line\r\nbreak.mp4"\r\n',
    ',it"s.mp4\r\n',
    ',\r\n',
    'z,"""""x.mp4"',
  ].join('');
  assert.deepEqual(await linesFrom('list.csv', list), names);
  const extras = (await world.plan([], { jobs: 'list.csv' })).map(extraOf);
  assert.deepEqual(extras, [
    { note: 'x' },
    { note: 'y' },
    { note: 'two\n"lines"' },
    { note: '' },
    { note: 'z' },
  ]);
});

test('an array of rows may be called results or jobs, and rows may hold arrays and brackets', async () => {
  const row = { path: 'a.mp4', tags: ['x', ['{', '"', '\\']], more: { jobs: [1, { a: ']' }] } };
  const lists = [
    JSON.stringify({ schema: 1, list: [1, [2]], results: [row], end: {} }),
    JSON.stringify({ 'a"b': '"jobs":', jobs: [row] }, null, 2),
    JSON.stringify([row]),
    JSON.stringify(row),
  ];
  for (const list of lists) {
    const items = await planFrom('list.json', list);
    assert.deepEqual(items.map(extraOf), [{ tags: row.tags, more: row.more }]);
  }
  assert.deepEqual(await linesFrom('list.json', '{"jobs": [ ]}'), []);
  assert.deepEqual(await linesFrom('list.jsonl', ''), []);
  assert.deepEqual(await linesFrom('list.csv', ''), []);
});

test('a row of JSON Lines may have columns called jobs or results', async () => {
  const rows = [
    { path: 'a.mp4', jobs: [], results: ['x', { path: 'y' }] },
    { results: [], path: 'b.mp4' },
    { path: 'c.mp4', jobs: [[]] },
  ];
  const items = await planFrom('list.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
  assert.deepEqual(
    items.map((item) => ({
      path: item.kind === 'job' ? item.job.media.path : '',
      ...(extraOf(item) as object),
    })),
    rows,
  );
  for (const columns of ['"jobs":[{"path":"a.mp4"}]', '"jobs":[{"path":"a.mp4"}],"results":[]']) {
    const problems = await problemsFrom('order.jsonl', `{${columns},"path":"b.mp4"}`);
    assert.match(String(problems), /write the path first/);
  }
});

test('standard input is a job list too, however it is cut into pieces', async () => {
  const texts = [
    '\ufeffpath,note\r\na.mp4,"夜 ""市""\r\n"\r\nb.mp4,"x"\r\n',
    '\ufeff{"jobs" : [{"path":"a.mp4","note":"夜 \\"市\\"\\r\\n"},\n{"path":"b.mp4","note":"x"}]}',
    '{"path":"a.mp4","note":"夜 \\"市\\"\\r\\n"}\n{"path":"b.mp4","note":"x"}\n',
  ];
  for (const text of texts) {
    const bytes = Buffer.from(text);
    const pieces = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    const items = await world.plan([], { jobs: '-', stdin: Readable.from(pieces) });
    assert.deepEqual(items.map(extraOf), [{ note: '夜 "市"\r\n' }, { note: 'x' }]);
  }
  const stdin = Readable.from([Buffer.from('{"path":1}')]);
  assert.deepEqual(await world.problems([], { jobs: '-', stdin }), [
    'standard input, row 1 (line 1): path is not a text',
  ]);
  assert.deepEqual(await world.problems([], { jobs: '-', filesFrom: '-' }), [
    '--files-from and --jobs cannot both read standard input',
  ]);
});

test('rows are read the same wherever the reader happens to cut the file', async () => {
  const rows = Array.from({ length: 400 }, (_, index) => ({
    path: `gone/夜市 ${index}.mp4`,
    note: `"${'字'.repeat(500 + (index % 97))}"\n,${index}`,
  }));
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const lists = {
    'list.json': JSON.stringify({ jobs: rows }),
    'list.jsonl': rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    'list.csv': `path,note\n${rows.map((row) => `${row.path},${quoted(row.note)}\n`).join('')}`,
  };
  for (const [name, list] of Object.entries(lists)) {
    const items = await planFrom(name, list);
    assert.deepEqual(
      items.map((item) => ({ path: item.kind === 'job' ? '' : item.path, note: extraOf(item) })),
      rows.map(({ path, note }) => ({ path, note: { note } })),
    );
  }
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
  const items = await planFrom('list.csv', list);
  const lines = items.map((item) =>
    item.kind === 'failed'
      ? `${item.path} ${item.failure.code} ${item.failure.facts.stage}: ${item.failure.message}`
      : item.kind,
  );
  assert.deepEqual(lines, [
    'gone.mp4 source-missing plan: cannot read gone.mp4: no such file or directory',
    'a.mp4 cover-missing plan: the cover of a.mp4 cannot be used: cannot read gone.jpg: no such file or directory',
    'b.mp4 source-invalid plan: the cover of b.mp4 cannot be used: the cover empty.jpg is empty',
    'd source-invalid plan: cannot upload d: it is a directory',
    'note.txt source-unsupported plan: cannot upload note.txt: VOD does not accept .txt files',
    'job',
  ]);
  assert.deepEqual(items.map(extraOf).slice(0, 2), [
    { id: '1', given: { cover: 'c.jpg' } },
    { id: '2', given: { cover: 'gone.jpg' } },
  ]);
});

test('the cover of a row wins over the one beside the file and over the flags', async () => {
  await world.write({ 'other.png': '1', 'odd.bin': '1' });
  const covers = async (list: string, options?: Partial<PlanOptions>): Promise<unknown[]> =>
    (await planFrom('list.csv', list, options)).map(
      (item) => item.kind === 'job' && [item.job.cover?.path, item.job.request.coverType],
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
  assert.deepEqual(await linesFrom('list.csv', list), expected);
});

test('exclusions win over rows too', async () => {
  assert.deepEqual(await linesFrom('list.csv', 'path\na.mp4\nb.mp4\n', { exclude: ['a*'] }), [
    'b.mp4',
  ]);
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
  const items = await planFrom('list.csv', list);
  assert.deepEqual(world.warnings, [
    'list.csv: the column size is not kept: a manifest has its own of that name',
    'list.csv: the column media_type has no effect: did you mean mediaType?',
    'list.csv: the column SubAppId has no effect: did you mean subAppId?',
  ]);
  assert.deepEqual(extraOf(items[0]), { media_type: 'mov', SubAppId: '1', colour: 'red' });
});

test('a list that is rewritten while it is read ends in a failure, not in half a row', async () => {
  await fs.writeFile(world.at('list.csv'), 'path\na.mp4\nb.mp4\n');
  const plan = await planUploads(
    world.options([], { jobs: 'list.csv', exclude: ['*.csv'] }),
    new AbortController().signal,
  );
  await fs.writeFile(world.at('list.csv'), 'path,classId\na.mp4,1\nb.mp4,x\n');
  const items: PlanItem[] = [];
  for await (const item of plan) items.push(item);
  assert.deepEqual(
    items.map((item) => (item.kind === 'failed' ? [item.path, item.failure.code] : item.kind)),
    ['job', ['list.csv', 'source-changed']],
  );
});
