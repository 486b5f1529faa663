import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { UsageError } from '../../src/core/errors.js';
import { asNobody, createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

test('a directory is planned in the order of whole paths, whatever the depth', async () => {
  await world.write({
    'v/b.mp4': '1',
    'v/a/z.mp4': '1',
    'v/a-b.mp4': '1',
    'v/a.mp4': '1',
    'v/notes.txt': '1',
    'v/deep/er/c.MP3': '1',
  });
  const expected = ['v/a-b.mp4', 'v/a.mp4', 'v/a/z.mp4', 'v/b.mp4', 'v/deep/er/c.MP3'];
  assert.deepEqual(await world.lines(['v']), expected);
  assert.deepEqual(await world.lines(['./v']), expected);
  assert.deepEqual(await world.lines(['v/']), expected);
  const absolute = expected.map((name) => world.at(name));
  assert.deepEqual(await world.lines([world.at('v')]), absolute);
  assert.deepEqual(await world.lines(['.'], { cwd: world.at('v') }), [
    'a-b.mp4',
    'a.mp4',
    'a/z.mp4',
    'b.mp4',
    'deep/er/c.MP3',
  ]);
});

test('what exists is a path, however much it looks like a pattern or a flag', async () => {
  const names = [
    '-rf.mp4',
    '[1].mp4',
    'a b.mp4',
    'line\nbreak.mp4',
    'star*.mp4',
    '{x,y}.mp4',
    '视频 🎬.mp4',
  ];
  await world.write(Object.fromEntries(names.map((name) => [name, '1'])));
  assert.deepEqual(await world.lines(names), names);
  assert.deepEqual(await world.lines(['.']), names);
  assert.deepEqual(await world.lines(['star*.mp4']), ['star*.mp4']);
});

test('arguments are planned in the order of their paths, directories where their files belong', async () => {
  await world.write({ 'c.mp4': '1', 'b/x.mp4': '1', 'a.mp4': '1' });
  assert.deepEqual(await world.lines(['c.mp4', 'b', 'a.mp4']), ['a.mp4', 'b/x.mp4', 'c.mp4']);
});

test('everything that is wrong with the arguments is said at once', async () => {
  await world.write({
    'ok.mp4': '1',
    'empty.mp4': '',
    'half.mp4.part': '1',
    'notes.txt': '1',
    bare: '1',
  });
  await fs.symlink('gone', world.at('dangling.mp4'));
  await fs.symlink('loop.mp4', world.at('loop.mp4'));
  execFileSync('mkfifo', [world.at('pipe.mp4')]);
  const inputs = 'ok.mp4 missing.mp4 empty.mp4 half.mp4.part notes.txt bare'.split(' ');
  const problems = await world.problems(
    [...inputs, 'dangling.mp4', 'loop.mp4', 'pipe.mp4', 'ok.mp4/', ''],
    { media: { classId: -1 } },
  );
  assert.deepEqual(problems, [
    '--class-id -1 is not a whole number from 0',
    'an input is empty',
    'cannot upload bare: its name has no extension that tells its type',
    'cannot read dangling.mp4: it is a symbolic link to nothing',
    'cannot upload empty.mp4: it is empty',
    'cannot upload half.mp4.part: its name is that of an unfinished file',
    'cannot read loop.mp4: its symbolic links form a loop',
    'cannot read missing.mp4: no such file or directory',
    'cannot upload notes.txt: VOD does not accept .txt files',
    'cannot read ok.mp4/: a part of its path is not a directory',
    'cannot read pipe.mp4: it is a named pipe',
  ]);
});

test('every problem says what to do', async () => {
  await assert.rejects(world.plan(['missing.mp4']), (error: UsageError) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.problems[0]?.hint ?? '', /^[A-Z].*\.$/);
    return true;
  });
});

test('a directory without media is nothing to do, not a problem, and is named', async () => {
  await world.write({ 'nothing/readme.md': '1', empty: null, 'v/a.mp4': '1' });
  assert.deepEqual(await world.lines(['nothing', 'empty', 'v']), ['v/a.mp4']);
  assert.deepEqual(world.warnings.splice(0), [
    'there is no media in empty',
    'there is no media in nothing',
  ]);
  assert.deepEqual(await world.lines(['nothing', 'empty'], { allowEmpty: true }), []);
  assert.deepEqual(world.warnings, []);
});

test('a media type makes any named file a media', async () => {
  await world.write({ 'recording.xyz': '1', plain: '1' });
  const jobs = await world.jobs(['plain', 'recording.xyz'], { media: { mediaType: '.MP4' } });
  assert.deepEqual(
    jobs.map((job) => [job.request.mediaType, job.request.mediaName]),
    [
      ['mp4', 'plain'],
      ['mp4', 'recording'],
    ],
  );
});

test('what was found and cannot be uploaded is told, and the rest goes on', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/b.mp4': '', 'v/c.mp4.tmp': '1', 'v/z.mp4': '1' });
  await fs.symlink('gone', world.at('v/dangling.mp4'));
  execFileSync('mkfifo', [world.at('v/pipe.mp4')]);
  await fs.writeFile(Buffer.from(`${world.dir}/v/bad\xff.mp4`, 'latin1'), '1');
  assert.deepEqual(await world.lines(['v']), [
    'v/a.mp4',
    'v/b.mp4 (empty)',
    'v/bad\ufffd.mp4 (source-invalid)',
    'v/c.mp4.tmp (temporary-name)',
    'v/dangling.mp4 (source-missing)',
    'v/pipe.mp4 (source-invalid)',
    'v/z.mp4',
  ]);
});

test('hidden files and directories are passed over unless asked for or named', async () => {
  await world.write({ 'v/.h.mp4': '1', 'v/.d/x.mp4': '1', 'v/a.mp4': '1' });
  assert.deepEqual(await world.lines(['v']), ['v/a.mp4']);
  assert.deepEqual(await world.lines(['v/**']), ['v/a.mp4']);
  assert.deepEqual(await world.lines(['v/.h.mp4', 'v/.d']), ['v/.d/x.mp4', 'v/.h.mp4']);
  const all = ['v/.d/x.mp4', 'v/.h.mp4', 'v/a.mp4'];
  assert.deepEqual(await world.lines(['v'], { includeHidden: true }), all);
  assert.deepEqual(await world.lines(['v/**'], { includeHidden: true }), all);
});

test("the run's own directories are passed over unless they are named", async () => {
  await world.write({
    'v/a.mp4': '1',
    'v/own/b.mp4': '1',
    'v/own/d/c.mp4': '1',
    'v/owner.mp4': '1',
  });
  await fs.symlink('v', world.at('w'));
  await fs.symlink('own', world.at('v/link'));
  const ownDirectories = [world.at('w/own'), world.at('v/none')];
  const lines = (inputs: string[], followSymlinks = false): Promise<string[]> =>
    world.lines(inputs, { ownDirectories, followSymlinks });
  const without = ['v/a.mp4', 'v/owner.mp4'];
  for (const input of ['v', 'v/**', 'v/**/*.mp4', '{v,u}/**']) {
    assert.deepEqual(await lines([input]), without, input);
    assert.deepEqual(await lines([input], true), without, input);
  }
  assert.deepEqual(await lines(['v/*/*.mp4', 'v/{own,u}/*']), []);
  const own = ['v/own/b.mp4', 'v/own/d/c.mp4'];
  assert.deepEqual(await lines(['v/own']), own);
  assert.deepEqual(await lines(['v/own/**']), own);
  assert.deepEqual(await lines(['v/own/b.mp4', 'v/own/d']), own);
});

test('symbolic links to files are followed, to directories only when asked, and never in circles', async () => {
  await world.write({ 'elsewhere/s.mp4': '1', 'v/d/x.mp4': '1', 'v/y.mp4': '1' });
  await fs.symlink('../elsewhere', world.at('v/link'));
  await fs.symlink('..', world.at('v/d/up'));
  await fs.symlink('.', world.at('v/self'));
  await fs.symlink('../elsewhere/s.mp4', world.at('v/z.mp4'));
  assert.deepEqual(await world.lines(['v']), ['v/d/x.mp4', 'v/y.mp4', 'v/z.mp4']);
  assert.deepEqual(await world.lines(['v/**']), ['v/d/x.mp4', 'v/y.mp4', 'v/z.mp4']);
  const followed = ['v/d/x.mp4', 'v/link/s.mp4', 'v/y.mp4', 'v/z.mp4 (duplicate)'];
  assert.deepEqual(await world.lines(['v'], { followSymlinks: true }), followed);
  assert.deepEqual((await world.lines(['v/**'], { followSymlinks: true })).sort(), followed);
  assert.deepEqual(await world.lines(['v/link']), ['v/link/s.mp4']);
});

test('one real file is one job, however often and under whatever path it is given', async () => {
  await world.write({ 'v/a.mp4': '1' });
  await fs.symlink('v', world.at('w'));
  await fs.symlink('v/a.mp4', world.at('l.mp4'));
  assert.deepEqual(await world.lines(['l.mp4', 'v', 'v/a.mp4', './v/*.mp4', 'w/a.mp4']), [
    'l.mp4',
    'v/a.mp4 (duplicate)',
    'v/a.mp4 (duplicate)',
    'v/a.mp4 (duplicate)',
    'w/a.mp4 (duplicate)',
  ]);
});

test('what fails or is left out has one record, under whatever paths it is given', async () => {
  await world.write({ 'v/a.part': '1', 'v/e.mp4': '', 'v/i.png': '1', 'v/p.m3u8': 'none' });
  await fs.symlink('nowhere', world.at('v/d.mp4'));
  await fs.symlink('v', world.at('w'));
  const list = { 'list.txt': 'v/gone.mp4\nw/gone.mp4\nw/e.mp4\nv/d.mp4\nv/n.txt\n./v/n.txt\n' };
  await world.write({ ...list, 'v/n.txt': '1' });
  const lines = await world.lines(['v', 'v', 'w'], { filesFrom: 'list.txt' });
  const names = ['a.part', 'd.mp4', 'e.mp4', 'i.png', 'p.m3u8'];
  const reasons = ['temporary-name', 'source-missing', 'empty', 'unpaired-image', 'source-invalid'];
  const told = (directory: string, name: string, reason: string | undefined): string =>
    `${directory}/${name} (${reason})`;
  assert.deepEqual(
    lines.sort(),
    [
      ...names.map((name, index) => told('v', name, reasons[index])),
      ...names.flatMap((name) => ['v', 'w'].map((at) => told(at, name, 'duplicate'))),
      'v/gone.mp4 (source-missing)',
      'w/gone.mp4 (duplicate)',
      'w/e.mp4 (duplicate)',
      'v/d.mp4 (duplicate)',
      'v/n.txt (source-unsupported)',
      './v/n.txt (duplicate)',
    ].sort(),
  );
});

test('a file that is left out under one name is uploaded under another', async () => {
  await world.write({ 'v/a.part': '1' });
  await fs.symlink('a.part', world.at('v/b.mp4'));
  assert.deepEqual(await world.lines(['v']), ['v/a.part (temporary-name)', 'v/b.mp4']);
});

test('files that changed less than the minimum age ago are left out', async () => {
  await world.write({ 'old.mp4': '1', 'new.mp4': '1', 'copied.mp4': '1' });
  await fs.utimes(world.at('copied.mp4'), 1, 1);
  const now = new Date(Date.now() + 60_000);
  const young = ['copied.mp4 (too-young)', 'new.mp4 (too-young)', 'old.mp4 (too-young)'];
  assert.deepEqual(await world.lines(['.'], { minAgeMs: 120_000, now }), young);
  assert.deepEqual(await world.lines(['new.mp4'], { minAgeMs: 120_000, now }), [young[1]]);
  assert.equal((await world.jobs(['.'], { minAgeMs: 30_000, now })).length, 3);
});

test('what may not be read is told, and the rest goes on', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/secret.mp4': '1', 'v/shut/b.mp4': '1', 'v/z.mp4': '1' });
  await fs.chmod(world.dir, 0o755);
  await fs.chmod(world.at('v/secret.mp4'), 0o000);
  await fs.chmod(world.at('v/shut'), 0o000);
  await fs.mkdir(world.at('v/.shut'), 0o000);
  const expected = [
    'v/a.mp4',
    'v/secret.mp4 (source-unreadable)',
    'v/shut (source-unreadable)',
    'v/z.mp4',
  ];
  await asNobody(async () => {
    assert.deepEqual(await world.lines(['v']), expected);
    assert.deepEqual(await world.lines(['v/**/*.mp4']), expected);
    assert.deepEqual(await world.lines(['v/{a,secret,shut/b,gone,gone/c}.mp4']), [
      'v/a.mp4',
      'v/secret.mp4 (source-unreadable)',
      'v/shut/b.mp4 (source-unreadable)',
    ]);
    assert.deepEqual(await world.lines(['v/{a.mp4,shut/notes.txt}']), ['v/a.mp4']);
    assert.deepEqual(await world.problems(['v/secret.mp4', 'v/shut']), [
      'cannot read v/secret.mp4: permission denied',
      'cannot read v/shut: permission denied',
    ]);
  });
  await fs.chmod(world.at('v/shut'), 0o700);
});

test('a symbolic link that a glob names without a wildcard is told, followed or not', async () => {
  await world.write({ 'a.mp4': '1' });
  await fs.symlink('gone', world.at('b.mp4'));
  await fs.symlink('loop.mp4', world.at('loop.mp4'));
  for (const followSymlinks of [false, true]) {
    assert.deepEqual(await world.lines(['{a,b,c,loop}.mp4'], { followSymlinks }), [
      'a.mp4',
      'b.mp4 (source-missing)',
      'loop.mp4 (source-invalid)',
    ]);
  }
});

test('of names that read the same, each has its record, and the one that is UTF-8 is uploaded', async () => {
  await world.write({ 'v/a.mp4': '1', 'v/c\ufffd.mp4': '1', 'v/d\ufffd/d.mp4': '1' });
  const write = (name: string) =>
    fs.writeFile(Buffer.from(`${world.dir}/v/${name}`, 'latin1'), '1');
  const make = (name: string) => fs.mkdir(Buffer.from(`${world.dir}/v/${name}`, 'latin1'));
  for (const name of ['b\xff.mp4', 'b\xfe.mp4', 'c\xff.mp4', 'c\xfe.mp4']) await write(name);
  for (const name of ['d\xff', 'e\xff']) {
    await make(name);
    await write(`${name}/lost.mp4`);
  }
  const expected = [
    'v/a.mp4',
    'v/b\ufffd.mp4 (source-invalid)',
    'v/b\ufffd.mp4 (source-invalid)',
    'v/c\ufffd.mp4',
    'v/c\ufffd.mp4 (source-invalid)',
    'v/c\ufffd.mp4 (source-invalid)',
    'v/d\ufffd (source-invalid)',
    'v/d\ufffd/d.mp4',
    'v/e\ufffd (source-invalid)',
  ];
  for (const input of ['v', 'v/**', 'v/**/*.mp4']) {
    assert.deepEqual((await world.lines([input])).sort(), expected, input);
  }
});

test('a URL is no file, and its secrets are not told', async () => {
  assert.deepEqual(
    await world.problems(['https://u:pw@h/v.mp4?token=SECRET', 'https://u:pw@h/v.mp4']),
    ['cannot read https://h/v.mp4: it is a URL', 'cannot read https://h/v.mp4: it is a URL'],
  );
});
