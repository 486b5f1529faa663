import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, test } from 'node:test';
import type { PlanItem } from '../../src/core/model.js';
import { planUploads } from '../../src/plan/plan.js';
import { createPlanWorld, extraOf, type PlanWorld } from '../helpers/plan-world.js';

const project = fileURLToPath(new URL('../../..', import.meta.url));

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', 'c.mp4': '1', 'c.jpg': '1' });
});
afterEach(() => world.remove());

test('the same list in CSV, JSON and JSON Lines is the same plan', async () => {
  for (const file of ['campaign.csv', 'campaign.json', 'campaign.jsonl']) {
    const items = await world.plan([], { cwd: project, jobs: `fixtures/jobs/${file}` });
    assert.deepEqual(
      items.map((item) => {
        assert.equal(item.status, 'planned', file);
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
  assert.deepEqual(await world.lines([], await world.jobList('list', 'path\na.mp4\n')), ['a.mp4']);
  assert.deepEqual(
    await world.lines([], await world.jobList('list', '\ufeff\n [{"path":"b.mp4"}]')),
    ['b.mp4'],
  );
  assert.deepEqual(
    await world.lines([], await world.jobList('list.txt', '{"path":"a.mp4"}\n{"path":"b.mp4"}')),
    ['a.mp4', 'b.mp4'],
  );
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
    const problems = await world.problems([], await world.jobList(name, list));
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

test('a list of very many columns is read in proportion to them', async () => {
  const columns = Array.from({ length: 100_000 }, (_, index) => `c${index}`).join(',');
  const list = `path,${columns}\na.mp4${','.repeat(100_000)}\n`;
  const since = performance.now();
  assert.deepEqual(await world.lines([], await world.jobList('l.csv', list)), ['a.mp4']);
  assert.ok(performance.now() - since < 5000);
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
  assert.deepEqual(await world.lines([], await world.jobList('list.csv', list)), names);
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
    const items = await world.plan([], await world.jobList('list.json', list));
    assert.deepEqual(items.map(extraOf), [{ tags: row.tags, more: row.more }]);
  }
  assert.deepEqual(await world.lines([], await world.jobList('list.json', '{"jobs": [ ]}')), []);
  assert.deepEqual(await world.lines([], await world.jobList('list.jsonl', '')), []);
  assert.deepEqual(await world.lines([], await world.jobList('list.csv', '')), []);
});

test('a row of JSON Lines may have columns called jobs or results', async () => {
  const rows = [
    { path: 'a.mp4', jobs: [], results: ['x', { path: 'y' }] },
    { results: [], path: 'b.mp4' },
    { path: 'c.mp4', jobs: [[]] },
  ];
  const items = await world.plan(
    [],
    await world.jobList('list.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')),
  );
  assert.deepEqual(
    items.map((item) => ({
      path: item.status === 'planned' ? item.job.media.path : '',
      ...(extraOf(item) as object),
    })),
    rows,
  );
  for (const columns of ['"jobs":[{"path":"a.mp4"}]', '"jobs":[{"path":"a.mp4"}],"results":[]']) {
    const problems = await world.problems(
      [],
      await world.jobList('order.jsonl', `{${columns},"path":"b.mp4"}`),
    );
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
    const items = await world.plan([], await world.jobList(name, list));
    assert.deepEqual(
      items.map((item) => ({
        path: item.status === 'planned' ? '' : item.path,
        note: extraOf(item),
      })),
      rows.map(({ path, note }) => ({ path, note: { note } })),
    );
  }
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
    items.map((item) => (item.status === 'failed' ? [item.path, item.failure.code] : item.status)),
    ['planned', ['list.csv', 'source-changed']],
  );
});
