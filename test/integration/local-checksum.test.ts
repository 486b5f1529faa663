import assert from 'node:assert/strict';
import { copyFile, readdir, rename, stat, utimes } from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';
import type { Ran } from '../helpers/run-cli.js';

let shell: CloudShell;

beforeEach(async () => {
  shell = await createCloudShell();
});

afterEach(() => shell.close());

/** Uploads everything here; tells how many sessions that took. */
async function upload(...args: string[]): Promise<Ran & { readonly sessions: number }> {
  const before = shell.cloud.sessions().length;
  const ran = await shell.run(['*.mp4', ...args]);
  return { ...ran, sessions: shell.cloud.sessions().length - before };
}

/** Other bytes of the same number, with the same mtime. */
async function rewrite(name: string): Promise<void> {
  const { size, atime, mtime } = await stat(shell.at(name));
  // utimes cannot set nanoseconds, so the time is made one that it can before the first run.
  await shell.write(name, size);
  await utimes(shell.at(name), atime, mtime);
}

async function create(name: string): Promise<void> {
  await shell.write(name, 1000);
  await utimes(shell.at(name), 1_700_000_000, 1_700_000_000);
}

test('--checksum: a file that was renamed and touched is the same file', async () => {
  await create('a.mp4');
  const first = await upload();
  await rename(shell.at('a.mp4'), shell.at('b.mp4'));
  await utimes(shell.at('b.mp4'), new Date(), new Date());
  const second = await upload('--checksum');
  assert.equal(second.code, 0, second.stderr);
  assert.equal(second.sessions, 0);
  assert.equal(second.stdout, first.stdout.replace('a.mp4', 'b.mp4'));
  const third = await upload();
  assert.deepEqual([third.sessions, third.stdout], [0, second.stdout]);
});

test('--checksum: a file rewritten with its old size and time is another file', async () => {
  await create('a.mp4');
  await upload();
  await rewrite('a.mp4');
  assert.equal((await upload()).sessions, 0);
  const second = await upload('--checksum');
  assert.deepEqual([second.code, second.sessions], [0, 1]);
  assert.equal((await upload('--checksum')).sessions, 0);
});

test('--checksum: of two names of the same bytes one is uploaded', async () => {
  await create('a.mp4');
  await copyFile(shell.at('a.mp4'), shell.at('b.mp4'));
  const ran = await upload('--checksum');
  assert.deepEqual([ran.code, ran.sessions], [0, 1]);
  const { results } = await shell.manifest();
  assert.deepEqual(results.map(({ path, status, reason }) => [path, status, reason]).sort(), [
    ['a.mp4', 'uploaded', null],
    ['b.mp4', 'skipped', 'duplicate'],
  ]);
});

test('--checksum: another sub-application has its own', async () => {
  await create('a.mp4');
  await upload('--checksum', '--sub-app-id', '1500000001');
  assert.equal((await upload('--checksum', '--sub-app-id', '1500000002')).sessions, 1);
  assert.equal((await upload('--checksum', '--sub-app-id', '1500000001')).sessions, 0);
});

test('--dry-run tells what was uploaded before, and leaves no trace where nothing was', async () => {
  await create('a.mp4');
  const before = await shell.run(['a.mp4', '--dry-run']);
  assert.match(before.stdout, /^upload {2}a\.mp4/);
  assert.deepEqual(await readdir(shell.dir), ['a.mp4']);
  const { stdout } = await upload();
  const [fileId = ''] = stdout.split('\t');
  await create('b.mp4');
  const requests = shell.cloud.requests.length;
  const after = await shell.run(['a.mp4', 'b.mp4', '--dry-run']);
  assert.deepEqual(after.stdout.split('\n').slice(0, 2), [
    `skip    a.mp4 (already-uploaded as ${fileId})`,
    'upload  b.mp4 (0.98 KiB, one PUT, as b)',
  ]);
  const force = await shell.run(['a.mp4', '--dry-run', '--force']);
  assert.match(force.stdout, /^upload {2}a\.mp4/);
  assert.equal(shell.cloud.requests.length, requests);
});
