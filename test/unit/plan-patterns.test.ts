import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

test('a glob knows **, {a,b} and !(…), and takes only what VOD accepts', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/x/b.mov': '1', 'v/x/c.txt': '1', 'v/x/draft.mp4': '1' });
  assert.deepEqual(await world.lines(['v/**']), ['v/a.mp4', 'v/x/b.mov', 'v/x/draft.mp4']);
  assert.deepEqual(await world.lines(['v/**/*.{mp4,mov}']), [
    'v/a.mp4',
    'v/x/b.mov',
    'v/x/draft.mp4',
  ]);
  assert.deepEqual(await world.lines(['v/x/!(draft)*.{mp4,mov}']), ['v/x/b.mov']);
  assert.deepEqual(await world.lines(['./v/*.mp4']), ['v/a.mp4']);
  assert.deepEqual(await world.lines([`${world.dir}/v/*.mp4`]), [world.at('v/a.mp4')]);
});

test('a glob that matches nothing is nothing to do, not a problem, and is named', async () => {
  assert.deepEqual(await world.lines(['nowhere/*.mp4', '[12].mp4']), []);
  assert.deepEqual(world.warnings.splice(0), [
    'nowhere/*.mp4 matches nothing to upload',
    '[12].mp4 matches nothing to upload',
  ]);
});

test('braces of a glob stand for up to 10000 names', async () => {
  await world.write({ 'ep7.mp4': '1', 'ep1500.mp4': '1', 'ep1501.mp4': '1', 'd3/ep 1.mp4': '1' });
  const episodes = ['ep1500.mp4', 'ep7.mp4'];
  assert.deepEqual(await world.lines(['ep{1..1500}.mp4']), episodes);
  assert.deepEqual(await world.lines(['{ep,clip}{1500..1}.{mp4,mov}']), episodes);
  assert.deepEqual(await world.lines(['d{1..10000}/*.mp4']), ['d3/ep 1.mp4']);
});

const tooMuch = [
  'clip_{20200101..20251231}.mp4',
  'clip_{20251231..20200101}.mp4',
  'ep{1..20001..2}.mp4',
  '{a,b}{c,d}{e,f}{1..100}{1..100}{1..100}.mp4',
  '{x,{1..100}{1..101}}.mp4',
  '{x,{1..100},{1..100},{1..100}',
  '{a,b}'.repeat(14),
];
for (const pattern of tooMuch) {
  test(`the pattern ${pattern.slice(0, 50)} is refused at once, as an input and to exclude`, async () => {
    await world.write({ 'a.mp4': '1' });
    const shown = pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern;
    const problem = `cannot use the pattern ${shown}: its braces stand for more than 10000 names`;
    assert.deepEqual(await world.problems([pattern]), [problem]);
    assert.deepEqual(await world.problems(['a.mp4'], { exclude: [pattern] }), [problem]);
  });
}

test('a pattern without end is refused', async () => {
  const pattern = `{${'a,'.repeat(10_000)}b}.mp4`;
  const problem = `cannot use the pattern ${pattern.slice(0, 60)}…: it is longer than 10000 characters`;
  assert.deepEqual(await world.problems([pattern]), [problem]);
});

test('quotation marks in a glob stand for themselves', async () => {
  const names = ["Bob's 1.mp4", "Bob's 2.mp4", "Bob's/1.mp4", 'say "x" 1.mp4'];
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  const globs = ["Bob's {1..2}.mp4", "Bob's/{1,2}*.mp4", '{say,tell} "x" *.mp4'];
  assert.deepEqual(await world.lines(globs), names);
  assert.deepEqual(await world.lines(["Bob\\'s {1,2}.mp4"]), names.slice(0, 2));
});

const openPatterns = [
  'v/!(*.txt)',
  'v/@(*.mp4|*.mov)',
  'v/?(a)*.mp4',
  'v/(*|b).mp4',
  'v/[^b]*.mp4',
  '**/!(b).mp4',
  '{v,x}/!(b).mp4',
  '!(x)/!(b).mp4',
  '{v,.z}/+([!b]).mp4',
];
for (const pattern of openPatterns) {
  test(`${pattern} takes nothing hidden`, async () => {
    const hidden = ['v/.h.mp4', 'v/.d/x.mp4', '.d/x.mp4', '.z.mp4'];
    await world.write(Object.fromEntries([...hidden, 'v/a.mp4'].map((name) => [name, '1'])));
    assert.deepEqual(await world.lines([pattern]), ['v/a.mp4']);
    const all = await world.lines([pattern], { includeHidden: true });
    assert.ok(all.length > 1, all.join());
  });
}

test('a pattern takes what is hidden where it names the dot, and only there', async () => {
  await world.write({ 'v/.h.mp4': '1', 'v/a.mp4': '1', '.d/x.mp4': '1', '.d/.y.mp4': '1' });
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['v/.*.mp4', ['v/.h.mp4']],
    ['v/.!(x)', ['v/.h.mp4']],
    ['v/@(.h|a).mp4', ['v/.h.mp4', 'v/a.mp4']],
    ['v/?(.)h.mp4', ['v/.h.mp4']],
    ['**/.h.*', ['v/.h.mp4']],
    ['.d/*.mp4', ['.d/x.mp4']],
    ['.d/!(a).mp4', ['.d/x.mp4']],
    ['{.d,v}/[^b]*.mp4', ['.d/x.mp4', 'v/a.mp4']],
    ['.*/.*', ['.d/.y.mp4']],
  ];
  for (const [pattern, expected] of rows) {
    assert.deepEqual(await world.lines([pattern]), expected, pattern);
  }
});

test('an exclusion wins over every kind of input', async () => {
  await world.write({
    'v/a.mp4': '1',
    'v/b.mov': '1',
    'v/raw/c.mp4': '1',
    'v/x/raw/d.mp4': '1',
    'v/x/e.mp4': '1',
  });
  const all = ['v/a.mp4', 'v/b.mov', 'v/raw/c.mp4', 'v/x/e.mp4', 'v/x/raw/d.mp4'];
  const without = async (exclude: string[], inputs = ['v']): Promise<string[]> => {
    const left = await world.lines(inputs, { exclude });
    return all.filter((name) => !left.includes(name));
  };
  assert.deepEqual(await without(['*.mov']), ['v/b.mov']);
  assert.deepEqual(await without(['raw']), ['v/raw/c.mp4', 'v/x/raw/d.mp4']);
  assert.deepEqual(await without(['raw/']), ['v/raw/c.mp4', 'v/x/raw/d.mp4']);
  assert.deepEqual(await without(['x/**']), ['v/x/e.mp4', 'v/x/raw/d.mp4']);
  assert.deepEqual(await without(['/x']), ['v/x/e.mp4', 'v/x/raw/d.mp4']);
  assert.deepEqual(await without(['v/x/*.mp4']), ['v/x/e.mp4']);
  assert.deepEqual(await without(['raw'], ['v/**']), ['v/raw/c.mp4', 'v/x/raw/d.mp4']);
  assert.deepEqual(await without(['a.*', 'b.mov'], all), ['v/a.mp4', 'v/b.mov']);
  assert.deepEqual(await without(['v'], ['v']), all);
});

test('a directory that is excluded takes along what is named in it, however that is named', async () => {
  await world.write({
    'v/a.mp4': '1',
    'v/raw/c.mp4': '1',
    list: './v/a.mp4\nv/raw/c.mp4\nv/raw\n',
  });
  const cwd = world.at('v');
  const left = ['v/a.mp4', 'v/raw/c.mp4'];
  for (const exclude of [['raw'], ['raw/'], ['v/raw'], ['/v/raw/']]) {
    for (const inputs of [['v'], ['v/**'], ['v/*/*.mp4', 'v/*.mp4'], left, ['v/a.mp4', 'v/raw']]) {
      assert.deepEqual(await world.lines(inputs, { exclude }), ['v/a.mp4'], inputs.join());
    }
    assert.deepEqual(await world.lines([], { exclude, filesFrom: 'list' }), ['./v/a.mp4']);
  }
  assert.deepEqual(await world.lines(['v/raw/*.mp4', '{v,w}/*.mp4'], { exclude: ['v'] }), []);
  assert.deepEqual(await world.lines(['../**'], { cwd, exclude: ['.*', 'raw'] }), ['../v/a.mp4']);
  assert.deepEqual(await world.lines(['..'], { cwd, exclude: ['.*', 'raw'] }), ['../v/a.mp4']);
});

test('an absolute path is excluded by its name, and by no directory above what was named', async () => {
  await world.write({ 'raw/v/a.mp4': '1', 'raw/v/x/b.mp4': '1' });
  const [a, b] = [world.at('raw/v/a.mp4'), world.at('raw/v/x/b.mp4')];
  for (const inputs of [[a, b], [world.at('raw/v')], [world.at('raw/v/**')]]) {
    assert.deepEqual(await world.lines(inputs, { exclude: ['raw', '/v', '/a.*/'] }), [a, b]);
    assert.deepEqual(await world.lines(inputs, { exclude: [world.at('raw/v/a.*')] }), [b]);
  }
  assert.deepEqual(await world.lines([a, b], { exclude: ['a.mp4'] }), [b]);
  assert.deepEqual(await world.lines([world.at('raw/v')], { exclude: ['v'] }), []);
});

test('a place of the file system is excluded with all below it, however that is named', async () => {
  await world.write({ 'm/a.mp4': '1', 'm/raw/b.mp4': '1', 'm/raw/x/c.mp4': '1', list: '' });
  const raw = world.at('m/raw');
  const [a, b, c] = [world.at('m/a.mp4'), `${raw}/b.mp4`, `${raw}/x/c.mp4`];
  for (const exclude of [
    [raw],
    [`${raw}/`],
    [`${raw}/**`],
    [`/${world.dir}//m/../m/./raw`],
    [world.at('{m,n}/ra*')],
    [world.at('*/raw')],
  ]) {
    for (const inputs of [[a, b, c], [world.at('m')], [`${world.dir}/**`], [a, `${raw}/x`]]) {
      assert.deepEqual(await world.lines(inputs, { exclude }), [a], `${exclude} ${inputs}`);
    }
    for (const inputs of [['m'], ['m/**'], ['m/a.mp4', 'm/raw/b.mp4', './m/raw/x']]) {
      assert.deepEqual(await world.lines(inputs, { exclude }), ['m/a.mp4'], `${exclude} ${inputs}`);
    }
    await world.write({ list: [a, b, c, `${raw}/x`].join('\n') });
    assert.deepEqual(await world.lines([], { filesFrom: 'list', exclude }), [a], `${exclude}`);
    assert.deepEqual(await world.lines(['.'], { cwd: raw, exclude }), [], `${exclude}`);
  }
  const file = { exclude: [`${b}/`, '/*/*'] };
  assert.deepEqual(await world.lines([b], file), [b]);
  assert.deepEqual(await world.lines(['.'], { ...file, cwd: world.at('m') }), ['a.mp4']);
});

test('a place to exclude may be told by a way with links, as $PWD may be', async () => {
  await world.write({ 'at [1]/a.mp4': '1', 'at [1]/raw/b.mp4': '1' });
  await fs.symlink('at [1]', world.at('way'));
  const cwd = world.at('at [1]');
  for (const exclude of [['way/raw'], ['way/raw/*.mp4'], ['way/r*/']]) {
    const places = exclude.map((place) => world.at(place));
    assert.deepEqual(await world.lines(['.'], { cwd, exclude: places }), ['a.mp4'], `${exclude}`);
  }
  assert.deepEqual(
    await world.lines(['at [1]'], { exclude: [world.at('way/raw'), world.at('way/a.*')] }),
    ['at [1]/a.mp4', 'at [1]/raw/b.mp4'],
  );
  const inner = world.at('at [1]/raw');
  assert.deepEqual(await world.lines(['..'], { cwd: inner, exclude: [world.at('way/*.mp4')] }), [
    '../raw/b.mp4',
  ]);
  assert.equal((await world.lines(['.'], { cwd, exclude: [world.at('gone/raw')] })).length, 2);
});

test('a range in an exclusion means its numbers', async () => {
  const names = ['ep0.mp4', 'ep07.mp4', 'ep1.mp4', 'ep12.mp4', 'ep13.mp4', 'ep7.mp4'];
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  const left = (exclude: string): Promise<string[]> => world.lines(['*'], { exclude: [exclude] });
  assert.deepEqual(await left('ep{1..12}.mp4'), ['ep0.mp4', 'ep07.mp4', 'ep13.mp4']);
  assert.deepEqual(await left('ep{13..1..6}.*'), ['ep0.mp4', 'ep07.mp4', 'ep12.mp4']);
  assert.deepEqual(await left('ep{01..12}.mp4'), ['ep0.mp4', 'ep1.mp4', 'ep13.mp4', 'ep7.mp4']);
  assert.deepEqual(await left('!(ep{1..12}.mp4)'), ['ep1.mp4', 'ep12.mp4', 'ep7.mp4']);
});

test('patterns to exclude can come from a file', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', not: '# comment\n\nb.*\n' });
  assert.deepEqual(await world.lines(['*.mp4'], { excludeFrom: ['not'] }), ['a.mp4']);
  assert.deepEqual(await world.problems(['*.mp4'], { excludeFrom: ['gone'] }), [
    'cannot read gone: no such file or directory',
  ]);
});

test('what is named to exclude without wildcards stands for itself, whatever it ends or begins with', async () => {
  const all = ['A.mp4', 'a [1].mp4', 'a.mp4', 'v/a.mp4', 'v/raw/c.mp4', 'w/v/a.mp4'];
  await world.write(Object.fromEntries(all.map((name) => [name, '1'])));
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['a.mp4', ['a.mp4', 'v/a.mp4', 'w/v/a.mp4']],
    ['./a.mp4', ['a.mp4', 'v/a.mp4', 'w/v/a.mp4']],
    ['././a.mp4', ['a.mp4']],
    ['a.mp4/', []],
    ['v/a.mp4', ['v/a.mp4']],
    ['v/a.mp4/', []],
    ['/a.mp4', ['a.mp4']],
    ['raw', ['v/raw/c.mp4']],
    ['raw/', ['v/raw/c.mp4']],
    ['v/', ['v/a.mp4', 'v/raw/c.mp4', 'w/v/a.mp4']],
    ['/v', ['v/a.mp4', 'v/raw/c.mp4']],
    [world.at('v/raw/'), ['v/raw/c.mp4']],
    [world.at('v/a.mp4/'), []],
    [String.raw`a \[1\].mp4`, ['a [1].mp4']],
    ['a [1].mp4', ['a [1].mp4']],
  ];
  for (const [exclude, expected] of rows) {
    const left = await world.lines(['.'], { exclude: [exclude, 'z'] });
    assert.deepEqual(
      all.filter((name) => !left.includes(name)),
      expected,
      exclude,
    );
  }
});

test('a long list of what was done before costs no time', async () => {
  const names = Array.from({ length: 500 }, (_, index) => `${index}.mp4`);
  await world.write(Object.fromEntries(['x.mp4', ...names].map((name) => [name, '1'])));
  const rows = Array.from({ length: 150_000 }, (_, index) => `${index}.mp4`);
  for (const directory of ['', './x/', `${world.dir}/`]) {
    await world.write({ done: rows.map((name) => `${directory}${name}\n`).join('') });
    const { user: before } = process.cpuUsage();
    const left = await world.lines(['.'], { excludeFrom: ['done'] });
    assert.deepEqual(left, directory === './x/' ? [...names, 'x.mp4'].sort() : ['x.mp4']);
    assert.ok(process.cpuUsage().user - before < 3e6, directory);
  }
});

test('a pattern to exclude that names nothing is a problem', async () => {
  await world.write({ 'a.mp4': '1', not: '/\n' });
  const exclude = ['', '/', './', './/', './/.', '*.mov'];
  assert.deepEqual(await world.problems(['a.mp4'], { exclude, excludeFrom: ['not'] }), [
    'a pattern to exclude is empty',
    'the pattern to exclude / names nothing',
    'the pattern to exclude ./ names nothing',
    'the pattern to exclude .// names nothing',
    'the pattern to exclude .//. names nothing',
    'the pattern to exclude / names nothing',
  ]);
});

test('a pattern to exclude that begins with ! is a problem, unless it is !(…)', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1', '!c.mp4': '1' });
  assert.deepEqual(await world.problems(['*.mp4'], { exclude: ['!a.mp4', './!v/*'] }), [
    'the pattern to exclude !a.mp4 begins with !: it would leave out all else',
    'the pattern to exclude ./!v/* begins with !: it would leave out all else',
  ]);
  assert.deepEqual(await world.lines(['*.mp4'], { exclude: ['!(a.mp4)'] }), ['a.mp4']);
  const exclude = [String.raw`\!c.mp4`];
  assert.deepEqual(await world.lines(['*.mp4'], { exclude }), ['a.mp4', 'b.mp4']);
});

test('a pattern may begin with a directory called constructor or __proto__', async () => {
  const names = ['__proto__/b.mp4', 'constructor/a.mp4', 'constructor/c/d.mp4', 'toString/e.mp4'];
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  await world.write({ 'a/f.mp4': '1' });
  assert.deepEqual(await world.lines(['{a,constructor}/*']), ['a/f.mp4', 'constructor/a.mp4']);
  assert.deepEqual(await world.lines(['constructor/**/*.mp4', '__proto__/*', 'toString/*']), names);
});

test('a pattern that the libraries throw on is a problem of its own', async () => {
  assert.deepEqual(await world.problems(['{(})?']), [
    'cannot use the pattern {(})?: it makes no sense',
  ]);
  await world.write({ 'a.mp4': '1' });
  assert.deepEqual(await world.lines(['*'], { exclude: ['{(})?'] }), ['a.mp4']);
});
