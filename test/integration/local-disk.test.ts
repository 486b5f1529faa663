import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';
import { commandLine } from '../helpers/run-cli.js';

let shell: CloudShell;

beforeEach(async () => {
  shell = await createCloudShell();
  await mkdir(shell.at('v'));
});

afterEach(() => shell.close());

test('an odd thing in a directory fails on its own, and tells what it is', async () => {
  await shell.write('v/good.mp4', 'x');
  await shell.write('v/new\nline \u001b[31m.mp4', 'x');
  const latin = Buffer.from('latin-\u00e9.mp4', 'latin1');
  await writeFile(Buffer.concat([Buffer.from(shell.at('v/')), latin]), 'x');
  await symlink('nothing.mp4', shell.at('v/dangling.mp4'));
  await symlink('loop.mp4', shell.at('v/loop.mp4'));
  execFileSync('mkfifo', [shell.at('v/pipe.mp4')]);
  const ran = await shell.run(['v']);
  assert.equal(ran.code, 3, ran.stderr);
  assert.doesNotMatch(ran.stdout + ran.stderr, /\u001b/);
  const { results } = await shell.manifest();
  const rows = results.map(({ path, status, error }) => [
    path,
    error === null ? status : `${error.code}: ${error.message.split(': ').at(-1)}`,
  ]);
  assert.deepEqual(Object.fromEntries(rows), {
    'v/good.mp4': 'uploaded',
    'v/new\nline \u001b[31m.mp4': 'uploaded',
    'v/latin-\ufffd.mp4': 'source-invalid: its name is not UTF-8',
    'v/dangling.mp4': 'source-missing: it is a symbolic link to nothing',
    'v/loop.mp4': 'source-invalid: its symbolic links form a loop',
    'v/pipe.mp4': 'source-invalid: it is a named pipe',
  });
});

describe('a state directory that cannot be written stops the run before anything is sent', () => {
  const places: Readonly<Record<string, () => Promise<unknown>>> = {
    'a file in its place': () => shell.write('state-here', ''),
    'a directory in the place of the database': () =>
      mkdir(shell.at('state-here/journal.lmdb'), { recursive: true }),
    'a directory in the place of the lock file': () =>
      mkdir(shell.at('state-here/journal.lmdb-lock'), { recursive: true }),
    'a file in the place of the sessions': () => shell.write('state-here/sessions', ''),
  };
  for (const [name, make] of Object.entries(places)) {
    test(name, async () => {
      await shell.write('v/a.mp4', 'x');
      await make();
      const ran = await shell.run(['v', '--state-dir', 'state-here']);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, /cannot write the journal .*state-here.*\n.*--state-dir/);
      if (name.startsWith('a file'))
        assert.match(ran.stderr, /: not a directory\n.*Move the file that is in its place/);
      assert.equal(shell.cloud.requests.length, 0);
    });
  }
});

/** Runs in a shell that sets a limit first. */
function runLimited(limit: string, args: readonly string[]) {
  const command = ['-c', `${limit}; exec "$0" "$@"`, ...commandLine(args)];
  return new Promise<{ code: number | null; stderr: string }>((resolve) => {
    const child = spawn('sh', command, { cwd: shell.dir, env: shell.env });
    let stderr = '';
    child.stderr.on('data', (bytes) => (stderr += String(bytes)));
    child.stdout.resume();
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

test('a state directory that cannot be is told at once', async () => {
  await shell.write('a.mp4', 'content');
  await shell.write('file', '');
  for (const dir of ['/proc/none/below', shell.at('file/below')]) {
    const { code, stderr } = await shell.run(['a.mp4', '--state-dir', dir]);
    assert.equal(code, 2);
    assert.ok(stderr.includes(`cannot write the journal ${dir}`), stderr);
  }
});

test('a rehearsal counts for nothing else, wherever its state is', async () => {
  await shell.write('a.mp4', 'content');
  const state = ['--state-dir', shell.at('state')];
  for (const target of [['--sandbox=one'], ['--sandbox=other'], []]) {
    const planned = await shell.run(['a.mp4', ...state, ...target, '--dry-run']);
    assert.match(planned.stdout, /^upload/);
    const { stderr } = await shell.run(['a.mp4', ...state, ...target]);
    assert.match(stderr, /1 uploaded/);
  }
  const again = await shell.run(['a.mp4', ...state, '--sandbox=one']);
  assert.match(again.stderr, /1 skipped/);
});

test('a rehearsal does not upload what the one before stored', async () => {
  await shell.write('a.mp4', 'content');
  for (const input of ['.', '**/*.mp4', '.']) {
    const { stdout, stderr } = await shell.run([input, '--sandbox', '--force']);
    assert.match(stdout, /^\d+\ta\.mp4\n$/);
    assert.match(stderr, /^1 uploaded/m);
  }
});

test('with 64 open files at most, a run takes longer and fails nothing', async () => {
  for (let number = 0; number < 150; number += 1) await shell.write(`v/${number}.mp4`, 2000);
  const { code, stderr } = await runLimited('ulimit -n 64', ['v', '--api-rate', '1000']);
  assert.equal(code, 0, stderr.slice(0, 2000));
  assert.equal(shell.cloud.sessions().filter(({ commits }) => commits === 1).length, 150);
});

test('with fewer open files than a run takes, nothing is begun', async () => {
  await shell.write('a.mp4', 'content');
  const { code, stderr } = await runLimited('ulimit -n 42', ['a.mp4']);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /the limit of open files is too low: 42\n.*43 or more/);
  assert.equal((await runLimited('ulimit -n 43', ['a.mp4'])).code, 0);
});

test('with too little virtual memory nothing is begun, and the remedy works', async () => {
  await shell.write('v/a.mp4', 'content');
  const limit = 'ulimit -v 6000000';
  for (const flags of [[], ['--checksum']]) {
    const { code, stderr } = await runLimited(limit, ['v', ...flags]);
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      /^vod-upload: the limit of virtual memory is too low: .*\n.*NODE_OPTIONS=/,
    );
  }
  assert.deepEqual(shell.cloud.sessions(), []);
  const { code } = await runLimited(`export NODE_OPTIONS=--disable-wasm-trap-handler; ${limit}`, [
    'v',
  ]);
  assert.equal(code, 0);
});

test(
  'a manifest that is of another user in a sticky directory is refused before anything is sent',
  { skip: process.getuid?.() !== 0 && 'only the superuser becomes another user' },
  async () => {
    await shell.write('m.json', 'old');
    await chmod(shell.at('m.json'), 0o644);
    await chmod(shell.dir, 0o1777);
    const [program = '', ...args] = commandLine(['v', '--manifest', 'm.json']);
    const options = { cwd: shell.dir, env: shell.env, uid: 54_321, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync(program, args, options);
    assert.equal(status, 2);
    assert.match(stderr, /^vod-upload: the manifest .*: this user may not write to .*m\.json\n/);
  },
);

/** Mounts a small disk in a namespace that is gone at once. */
const canMount =
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;

describe(
  'a manifest on a mount of its own',
  { skip: canMount ? false : 'needs the right to mount' },
  () => {
    const mount = (...args: string[]): void => assert.equal(spawnSync('mount', args).status, 0);

    beforeEach(async () => {
      for (const name of ['v/a.mp4', 'm.json']) await shell.write(name, 'content');
      await mkdir(shell.at('host'));
      mount('-t', 'tmpfs', 'tmpfs', shell.at('host'));
      await shell.write('host/m.json', 'old');
      mount('--bind', shell.at('host/m.json'), shell.at('m.json'));
    });
    afterEach(() => void spawnSync('umount', [shell.at('m.json'), shell.at('host')]));

    test('is written where it is', async () => {
      const { code, stderr } = await shell.run(['v', '--manifest', 'm.json']);
      assert.equal(code, 0, stderr);
      assert.equal((await shell.manifest('host/m.json')).exitCode, 0);
      assert.deepEqual(
        (await readdir(shell.dir)).filter((name) => name.endsWith('.new')),
        [],
      );
    });

    test('that is read-only is refused before anything is sent', async () => {
      mount('-o', 'remount,bind,ro', shell.at('m.json'));
      const { code, stderr } = await shell.run(['v', '--manifest', 'm.json']);
      assert.equal(code, 2);
      assert.match(stderr, /m\.json is on a read-only file system/);
      assert.deepEqual(shell.cloud.sessions(), []);
    });
  },
);

describe('a full disk', { skip: canMount ? false : 'needs the right to mount a disk' }, () => {
  beforeEach(async () => {
    await mkdir(shell.at('disk'));
    for (let number = 0; number < 60; number += 1) await shell.write(`v/${number}.mp4`, 2000);
  });
  afterEach(() => void spawnSync('umount', [shell.at('disk')]));

  const mount = (...args: string[]): void =>
    assert.equal(spawnSync('mount', [...args, shell.at('disk')]).status, 0);

  test('under the journal stops the run, and once there is space the rest is uploaded', async () => {
    mount('-t', 'tmpfs', '-o', 'size=240k', 'tmpfs');
    const full = await shell.run(['v', '--state-dir', 'disk/state', '--api-rate', '1000']);
    assert.equal(full.code, 8, full.stderr);
    assert.match(full.stderr, /cannot write the journal .*(no space|input\/output)/);
    assert.equal((await shell.manifest()).results.length, 60);
    mount('-o', 'remount,size=8m');
    const again = await shell.run(['v', '--state-dir', 'disk/state', '--api-rate', '1000']);
    assert.equal(again.code, 0, again.stderr);
    const ids = new Set((full.stdout + again.stdout).match(/^\d+/gm));
    assert.equal(ids.size, 60);
    assert.equal(shell.cloud.committed().length, 60);
  });

  for (const free of [0, 4, 8, 12, 16, 40]) {
    test(`with ${free} KiB left under a new journal is told before anything is sent`, async () => {
      mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs');
      await shell.write('disk/full', Buffer.alloc((1024 - free) * 1024));
      const args = ['v/1.mp4', '--state-dir', 'disk/state'];
      const full = await shell.run(args);
      assert.equal(full.code, 2, `${full.signal} ${full.stderr}`);
      assert.match(full.stderr, /cannot write the journal .*: no space left on device/);
      assert.equal(shell.cloud.requests.length, 0);
      await rm(shell.at('disk/full'));
      const again = await shell.run(args);
      assert.equal(again.code, 0, again.stderr);
      const { mode } = await stat(shell.at('disk/state/journal.lmdb-lock'));
      assert.equal(mode & 0o777, 0o600);
      const left = await readdir(shell.at('disk/state'));
      const environments = ['journal.lmdb', 'journal.lmdb.gate'];
      const made = environments.flatMap((name) => [name, `${name}-lock`]);
      assert.deepEqual(left.sort(), [...made, 'sessions'].sort());
    });
  }

  for (const gone of ['journal.lmdb', 'journal.lmdb.gate']) {
    test(`where ${gone} alone was moved away is told before anything is sent`, async () => {
      mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs');
      const args = ['v/1.mp4', '--force', '--state-dir', 'disk/state'];
      assert.equal((await shell.run(args)).code, 0);
      await rm(shell.at(`disk/state/${gone}`));
      spawnSync('sh', ['-c', `cat /dev/zero > '${shell.at('disk/full')}'`]);
      const full = await shell.run(args);
      assert.equal(full.code, 2, `${full.signal} ${full.stderr}`);
      assert.match(full.stderr, /cannot write the journal .*: no space left on device/);
      await rm(shell.at('disk/full'));
      assert.equal((await shell.run(args)).code, 0);
      assert.equal(shell.cloud.committed().length, 2);
    });
  }

  test('that cannot take even a manifest that is begun is told before anything is sent', async () => {
    mount('-t', 'tmpfs', '-o', 'nr_inodes=1', 'tmpfs');
    const ran = await shell.run(['v', '--manifest', 'disk/m.json']);
    assert.equal(ran.code, 2, ran.stderr);
    assert.match(
      ran.stderr,
      /^vod-upload: the manifest .*m\.json could not be written: .*no space/,
    );
    assert.equal(shell.cloud.requests.length, 0);
  });

  test('under the manifest is told, and leaves the uploads and the old manifest alone', async () => {
    mount('-t', 'tmpfs', '-o', 'size=16k', 'tmpfs');
    await shell.write('disk/m.json', 'old');
    const args = ['v', '--manifest', 'disk/m.json', '--api-rate', '1000'];
    const ran = await shell.run(args);
    assert.notEqual(ran.code, 0);
    assert.match(ran.stderr, /the manifest .*m\.json could not be written: .*no space/i);
    assert.equal(await readFile(shell.at('disk/m.json'), 'utf8'), 'old');
    assert.equal(shell.cloud.sessions().filter(({ commits }) => commits === 1).length, 60);
    const quiet = await shell.run([...args, '-q']);
    assert.equal(quiet.code, ran.code);
    assert.match(quiet.stderr, /^vod-upload: the manifest .*m\.json could not be written: .*\n$/);
  });
});
