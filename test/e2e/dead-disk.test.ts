import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { describe, test, type TestContext } from 'node:test';
import { createCloudShell } from '../helpers/cloud.js';
import { mountDeadDisk, noDeadDisk } from '../helpers/dead-disk.js';
import type { Shell } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;
/** What the product promises after the first signal. */
const PROMPT_MS = 2_000;
const MANY = Array.from({ length: 30 }, (_none, index) => `v/dead/${index}/x.mp4`);

/** `v/dead` is a disk that answers nothing; `a.mp4` and `v/a.mp4` are on another. */
async function createShellBesideDeadDisk(t: TestContext): Promise<Shell> {
  const shell = await createCloudShell();
  await shell.write('a.mp4', 'a');
  await shell.write('v/a.mp4', 'a');
  await mkdir(shell.at('v/dead'));
  const release = await mountDeadDisk(shell.at('v/dead'));
  t.after(async () => {
    await release();
    await shell.close();
  });
  return shell;
}

/** Stops the run once `a.mp4` is uploaded, and looks at what is left of it. */
async function assertStops(shell: Shell, args: readonly string[], name: 'SIGINT' | 'SIGTERM') {
  const { child, ended, said } = shell.start(args);
  await said(/uploaded +(v\/)?a\.mp4/);
  const from = performance.now();
  child.kill(name);
  const { code, signal, stderr } = await ended;
  assert.ok(performance.now() - from < PROMPT_MS, stderr);
  const expected = name === 'SIGINT' ? 130 : 143;
  // A shell reports either as the same.
  assert.ok(code === expected || signal === name, `${code} ${signal} ${stderr}`);
  const { exitCode, results } = await shell.manifest();
  assert.equal(exitCode, expected);
  assert.ok(results.some(({ path, status }) => path.endsWith('a.mp4') && status === 'uploaded'));
}

describe('a dead disk', { skip: noDeadDisk, concurrency: 4, timeout: 60_000 }, () => {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    test(`${name} while a directory is walked into one: exit, with a manifest`, async (t) => {
      await assertStops(await createShellBesideDeadDisk(t), ['v'], name);
    });
  }

  const lists: Readonly<Record<string, (shell: Shell) => Promise<readonly string[]>>> = {
    'files in many directories of one': async () => MANY,
    'that directory itself': async () => ['v/dead'],
    'a playlist with segments on one': async (shell) => {
      await shell.write('v/p.m3u8', '#EXTM3U\ndead/0.ts\n');
      return ['v/p.m3u8'];
    },
    'symbolic links to one': async (shell) => {
      await symlink('dead/b.mp4', shell.at('v/b.mp4'));
      return ['v/b.mp4'];
    },
  };
  for (const [what, list] of Object.entries(lists)) {
    test(`SIGINT while a list names ${what}: exit, with a manifest`, async (t) => {
      const shell = await createShellBesideDeadDisk(t);
      const names = ['a.mp4', ...(await list(shell))];
      await shell.write('list', names.join('\n'));
      await assertStops(shell, ['--files-from', 'list'], 'SIGINT');
    });
  }

  test('many files on one leave threads to send others', async (t) => {
    const shell = await createShellBesideDeadDisk(t);
    await shell.write('large.mp4', MIB);
    await shell.write('list', ['large.mp4', ...MANY, 'a.mp4'].join('\n'));
    const { child, ended, said } = shell.start(['--files-from', 'list', '--stall-timeout', '5s']);
    await said(/uploaded +large\.mp4/);
    child.kill('SIGINT');
    await ended;
  });
});
