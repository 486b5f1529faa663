import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { startCloud } from '../helpers/cloud.js';
import { mountDeadDisk, noDeadDisk } from '../helpers/dead-disk.js';
import { createShell, type Shell } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;
/** What the product promises after the first signal. */
const PROMPT_MS = 2_000;
const MANY = Array.from({ length: 30 }, (_none, index) => `v/dead/${index}/x.mp4`);

/** `v/dead` is a disk that answers nothing; `a.mp4` and `v/a.mp4` are on another. */
async function createWorld(t: TestContext): Promise<Shell> {
  const cloud = await startCloud();
  const shell = await createShell(cloud.env);
  await mkdir(join(shell.dir, 'v/dead'), { recursive: true });
  await writeFile(join(shell.dir, 'a.mp4'), 'a');
  await writeFile(join(shell.dir, 'v/a.mp4'), 'a');
  const release = await mountDeadDisk(join(shell.dir, 'v/dead'));
  t.after(async () => {
    await release();
    await shell.close();
    await cloud.close();
  });
  return shell;
}

interface Manifest {
  readonly exitCode: number;
  readonly results: readonly { readonly path: string; readonly status: string }[];
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
  const text = await readFile(join(shell.dir, 'vod-upload-manifest.json'), 'utf8');
  const { exitCode, results } = JSON.parse(text) as Manifest;
  assert.equal(exitCode, expected);
  assert.ok(results.some(({ path, status }) => path.endsWith('a.mp4') && status === 'uploaded'));
}

describe('a dead disk', { skip: noDeadDisk, concurrency: 4, timeout: 60_000 }, () => {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    test(`${name} while a directory is walked into one: exit, with a manifest`, async (t) => {
      await assertStops(await createWorld(t), ['v'], name);
    });
  }

  const lists: Readonly<Record<string, (shell: Shell) => Promise<readonly string[]>>> = {
    'files in many directories of one': async () => MANY,
    'that directory itself': async () => ['v/dead'],
    'a playlist with segments on one': async ({ dir }) => {
      await writeFile(join(dir, 'v/p.m3u8'), '#EXTM3U\ndead/0.ts\n');
      return ['v/p.m3u8'];
    },
    'symbolic links to one': async ({ dir }) => {
      await symlink('dead/b.mp4', join(dir, 'v/b.mp4'));
      return ['v/b.mp4'];
    },
  };
  for (const [what, list] of Object.entries(lists)) {
    test(`SIGINT while a list names ${what}: exit, with a manifest`, async (t) => {
      const shell = await createWorld(t);
      const names = ['a.mp4', ...(await list(shell))];
      await writeFile(join(shell.dir, 'list'), names.join('\n'));
      await assertStops(shell, ['--files-from', 'list'], 'SIGINT');
    });
  }

  test('many files on one leave threads to send others', async (t) => {
    const shell = await createWorld(t);
    await writeFile(join(shell.dir, 'large.mp4'), Buffer.alloc(MIB));
    await writeFile(join(shell.dir, 'list'), ['large.mp4', ...MANY, 'a.mp4'].join('\n'));
    const { child, ended, said } = shell.start(['--files-from', 'list', '--stall-timeout', '5s']);
    await said(/uploaded +large\.mp4/);
    child.kill('SIGINT');
    await ended;
  });
});
