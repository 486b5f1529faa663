import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { Job, Outcome } from '../../src/core/model.js';
import { manifestSchema } from '../../src/manifest/schema.js';
import { KNOWN_COLUMNS } from '../../src/plan/job-row.js';
import { CSV_COLUMNS, RESULT_COLUMNS } from '../../src/plan/recorded-row.js';
import type { MediaOptions, PlanOptions } from '../../src/plan/plan.js';
import { job, receipt, uploaded } from '../helpers/outcomes.js';
import { failAll, FORMATS, writeManifest } from '../helpers/manifests.js';
import { asNobody, createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

/** One outcome of each kind, of files `<kind>.mp4`. */
function mixedOutcomes(): Outcome[] {
  const failure = new UploadFailure('network', 'lost, at "last"\nfor good', { stage: 'apply' });
  const skipped = (path: string, reason: Extract<Outcome, { reason: unknown }>['reason']) =>
    ({ status: 'skipped', path, reason }) as const;
  return [
    uploaded('uploaded.mp4'),
    {
      ...skipped('before.mp4', 'already-uploaded'),
      job: job('before.mp4'),
      receipt: receipt(),
    },
    skipped('twice.mp4', 'duplicate'),
    skipped('empty.mp4', 'empty'),
    skipped('held.mp4', 'held-by-other-run'),
    skipped('young.mp4', 'too-young'),
    { status: 'failed', path: 'failed.mp4', job: job('failed.mp4'), failure },
    { status: 'failed', path: 'gone.mp4', failure },
    { status: 'unknown', path: 'unknown.mp4', job: job('unknown.mp4'), failure },
    { status: 'interrupted', path: 'cut.mp4', job: job('cut.mp4') },
  ];
}

test('of a manifest the rows that are still to do are planned, and nothing is said of the others', async () => {
  const outcomes = mixedOutcomes();
  const names = outcomes.map(({ path }) => path);
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  await fs.rm(world.at('gone.mp4'));
  for (const format of FORMATS) {
    await writeManifest(world, `m.${format}`, outcomes);
    assert.deepEqual(
      await world.lines([], { jobs: `m.${format}` }),
      [
        'held.mp4',
        'young.mp4',
        'failed.mp4',
        'gone.mp4 (source-missing)',
        'unknown.mp4',
        'cut.mp4',
      ],
      format,
    );
  }
  assert.deepEqual(world.warnings, []);
});

test('a manifest without anything left to do plans nothing', async () => {
  for (const format of FORMATS) {
    await writeManifest(world, `m.${format}`, mixedOutcomes().slice(0, 4));
    assert.deepEqual(await world.lines([], { jobs: `m.${format}` }), []);
  }
});

test('a directory that a run could not read is walked from its manifest, by the flags of this run', async () => {
  await world.write({
    'v/a.mp4': '1',
    'v/shut/b.mp4': '1',
    'v/shut/.c.mp4': '1',
    'v/shut/d.mov': '1',
  });
  await fs.chmod(world.dir, 0o755);
  await fs.chmod(world.at('v/shut'), 0o000);
  const items = await asNobody(() => world.plan(['v']));
  for (const format of FORMATS) await writeManifest(world, `m.${format}`, failAll(items));
  const shut = ['v/a.mp4', 'v/shut (source-unreadable)'];
  await asNobody(async () => {
    assert.deepEqual(await world.lines([], { jobs: 'm.json' }), shut);
  });
  await fs.chmod(world.at('v/shut'), 0o755);
  for (const format of FORMATS) {
    world.warnings.length = 0;
    const options = { jobs: `m.${format}`, includeHidden: true, exclude: ['*.mov'] };
    const found = ['v/a.mp4', 'v/shut/.c.mp4', 'v/shut/b.mp4'];
    assert.deepEqual(await world.lines([], options), found, format);
    assert.match(world.warnings.join('\n'), /^v\/shut could not .* --include-hidden [^\n]*$/);
    assert.deepEqual(await world.lines([], { ...options, exclude: ['shut'] }), ['v/a.mp4']);
  }
});

test('the row of a list that is a directory is refused from the manifest, too', async () => {
  await world.write({ 'v/a.mp4': '1' });
  for (const list of ['path,note\nv,n\n', 'path\nv\n']) {
    const items = await world.plan([], await world.jobList('l.csv', list));
    for (const format of FORMATS) {
      await writeManifest(world, `m.${format}`, failAll(items));
      assert.deepEqual(await world.lines([], { jobs: `m.${format}` }), ['v (source-invalid)']);
    }
  }
});

test('a job of a manifest is the job that it was, with its name, type, cover and procedure', async () => {
  await world.write({ 'a:{stem}.mp4': '1', 'c.png': '1', 'rec.bin': '1' });
  for (const format of FORMATS) {
    const media = { procedure: 'P(1,1)', name: '{parent} {name}' };
    const before = await world.jobs(['a:{stem}.mp4'], { media, cover: 'c.png' });
    before.push(...(await world.jobs(['rec.bin'], { media: { mediaType: 'mov' } })));
    await writeManifest(
      world,
      `m.${format}`,
      failAll(before.map((one) => ({ status: 'planned', job: one }))),
    );
    const after = await world.jobs([], { jobs: `m.${format}` });
    const facts = ({ id, media: { path }, cover, request }: Job) => ({ id, path, cover, request });
    assert.deepEqual(after.map(facts), before.map(facts), format);
  }
});

test('flags win over what a manifest tells of its run, and what a row said wins over flags', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', 'b.jpg': '1', 'own.png': '1', 'n.png': '1' });
  await fs.writeFile(world.at('list.csv'), 'path,name,cover\na.mp4,Own,own.png\nb.mp4,,\n');
  const wrong = { procedure: 'WRONG', name: 'old-{stem}', mediaType: 'mov' };
  let items = await world.plan([], { jobs: 'list.csv', media: wrong });
  for (const format of FORMATS) {
    await writeManifest(world, `m.${format}`, failAll(items));
    const jobs = `m.${format}`;
    const facts = async (options: Partial<PlanOptions>): Promise<unknown[]> =>
      (await world.jobs([], { jobs, ...options })).map(({ cover, request }) => [
        cover?.path,
        request.mediaName,
        request.mediaType,
        request.procedure,
      ]);
    const right = { procedure: 'RIGHT', name: 'new-{stem}', mediaType: 'mp4' };
    assert.deepEqual(await facts({ media: right, cover: 'n.png' }), [
      ['own.png', 'Own', 'mp4', 'RIGHT'],
      ['n.png', 'new-b', 'mp4', 'RIGHT'],
    ]);
    assert.deepEqual(await facts({ media: { procedure: 'RIGHT' }, covers: 'off' }), [
      ['own.png', 'Own', 'mov', 'RIGHT'],
      [undefined, 'old-b', 'mov', 'RIGHT'],
    ]);
    assert.deepEqual(await facts({}), [
      ['own.png', 'Own', 'mov', 'WRONG'],
      ['b.jpg', 'old-b', 'mov', 'WRONG'],
    ]);
    // The next one is a manifest of a manifest.
    items = await world.plan([], { jobs });
  }
});

test('of the options of its run a manifest tells those that a row to do lacks', async () => {
  const options = { procedure: 'P', name: 'N', subAppId: 5, covers: 'off' };
  const { procedure, name, covers, ...untold } = options;
  const told = async (media: MediaOptions = {}): Promise<object[]> => {
    const calls: object[] = [];
    const onRunOptions = (one: object): void => void calls.push(one);
    await world.plan([], { jobs: 'm.json', media, onRunOptions });
    return calls;
  };
  const cut: Outcome = { status: 'interrupted', path: 'a.mp4', job: job('a.mp4') };
  await writeManifest(world, 'm.json', [cut], options);
  assert.deepEqual(await told(), [untold]);
  assert.deepEqual(await told({ procedure: 'Q' }), [{ ...untold, procedure }]);
  const failure = new UploadFailure('source-missing', 'gone');
  await writeManifest(
    world,
    'm.json',
    [cut, { status: 'failed', path: 'b.mp4', failure }],
    options,
  );
  assert.deepEqual(await told(), [{ ...untold, procedure, name, covers }]);
  await writeManifest(world, 'm.json', mixedOutcomes().slice(0, 4), options);
  assert.deepEqual(await told(), [{}]);
});

test('a cover that a manifest tells of and that is gone fails its row, unless covers are off', async () => {
  await world.write({ 'a.mp4': '1', 'a.jpg': '1' });
  await writeManifest(world, 'm.json', failAll(await world.plan(['a.mp4'])));
  await fs.rm(world.at('a.jpg'));
  assert.deepEqual(await world.lines([], { jobs: 'm.json' }), ['a.mp4 (cover-missing)']);
  assert.deepEqual(await world.lines([], { jobs: 'm.json', covers: 'off' }), ['a.mp4']);
});

test('what a job list said survives any number of manifests in any format, also where files are gone', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1' });
  const list = [
    {
      path: 'a.mp4',
      name: 'A',
      classId: 7,
      subAppId: 1500000001,
      storagePath: '/x/a.mp4',
      sourceContext: 's',
      bucket: 'mine',
      tags: ['x', { y: null }],
      status: 'draft',
      path2: '',
    },
    { path: 'gone.mp4', cover: 'gone.jpg', name: 'Gone', mediaType: 'mov', id: '17' },
    { path: 'b.mp4', cover: 'gone.jpg', procedure: 'P' },
  ];
  await fs.writeFile(world.at('list.json'), JSON.stringify(list));
  let jobs = 'list.json';
  for (const format of ['json', 'csv', 'jsonl', 'csv', 'json']) {
    const items = await world.plan([], { jobs });
    await writeManifest(world, `m.${format}`, failAll(items));
    jobs = `m.${format}`;
  }
  await world.write({ 'gone.mp4': '1', 'gone.jpg': '1' });
  const [a, gone, b] = await world.jobs([], { jobs });
  assert.deepEqual(a?.request, {
    mediaType: 'mp4',
    mediaName: 'A',
    classId: 7,
    subAppId: 1500000001,
    mediaStoragePath: '/x/a.mp4',
    sourceContext: 's',
  });
  const { given, ...unknown } = a?.extra ?? {};
  assert.deepEqual(unknown, { bucket: 'mine', tags: ['x', { y: null }], path2: '' });
  assert.equal((given as { classId: number }).classId, 7);
  assert.deepEqual([gone?.cover?.path, gone?.request.mediaName], ['gone.jpg', 'Gone']);
  assert.deepEqual([gone?.request.mediaType, gone?.extra?.['id']], ['mov', '17']);
  assert.deepEqual([b?.cover?.path, b?.request.procedure], ['gone.jpg', 'P']);
});

test('the columns of a list come back at the end of a record, and a record keeps its own', async () => {
  const extra = { colour: 'red', size: -1, path: 'other.mp4' };
  await writeManifest(world, 'm.jsonl', [
    { status: 'interrupted', path: 'a.mp4', job: job('a.mp4', 5, { extra }) },
  ]);
  const record = JSON.parse(await fs.readFile(world.at('m.jsonl'), 'utf8')) as object;
  assert.deepEqual(Object.keys(record), [...manifestSchema.$defs.record.required, 'colour']);
  assert.deepEqual(
    Object.entries(record).filter(([key]) => key in extra),
    [
      ['path', 'a.mp4'],
      ['size', 5],
      ['colour', 'red'],
    ],
  );
});

test('every column that a manifest has is known to the reader of job lists', async () => {
  for (const column of manifestSchema.$defs.record.required) {
    assert.ok(KNOWN_COLUMNS.has(column) || RESULT_COLUMNS.has(column), column);
  }
  await writeManifest(world, 'm.csv', []);
  const [header] = (await fs.readFile(world.at('m.csv'), 'utf8')).split('\r\n');
  for (const column of header?.split(',') ?? []) {
    const isKnown = [KNOWN_COLUMNS, RESULT_COLUMNS, CSV_COLUMNS].some((set) => set.has(column));
    assert.ok(isKnown || column === 'extra', column);
  }
});

test('a media that had no cover gets none when it is tried again, unless flags ask for one', async () => {
  await world.write({ 'a.mp4': '1', 'a.jpg': '1', 'b.mp4': '1', 'b.jpg': '1' });
  const [a] = await world.jobs(['a.mp4'], { covers: 'off' });
  const failure = new UploadFailure('source-missing', 'gone');
  const outcomes = [
    ...failAll([{ status: 'planned', job: a as Job }]),
    { status: 'failed', path: 'b.mp4', failure } as const,
  ];
  for (const format of FORMATS) {
    await writeManifest(world, `m.${format}`, outcomes);
    const covers = async (options?: Partial<PlanOptions>): Promise<unknown[]> =>
      (await world.jobs([], { jobs: `m.${format}`, ...options })).map(({ cover }) => cover?.path);
    assert.deepEqual(await covers(), [undefined, 'b.jpg'], format);
    assert.deepEqual(await covers({ covers: 'auto' }), ['a.jpg', 'b.jpg']);
    assert.deepEqual(await covers({ covers: 'required' }), ['a.jpg', 'b.jpg']);
    assert.deepEqual(await covers({ coverDir: '.' }), ['a.jpg', 'b.jpg']);
    assert.deepEqual(await covers({ cover: 'b.jpg' }), ['b.jpg', 'b.jpg']);
    assert.deepEqual(await covers({ covers: 'off' }), [undefined, undefined]);
  }
});

test('an image that was a media is one when it is tried again', async () => {
  await world.write({ 'x.png': '1' });
  const items = await world.plan(['x.png'], { images: 'media' });
  for (const format of FORMATS) {
    await writeManifest(world, `m.${format}`, failAll(items));
    assert.deepEqual(await world.lines([], { jobs: `m.${format}` }), ['x.png'], format);
  }
});
