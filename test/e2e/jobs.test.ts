import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createDice } from '../helpers/kill-dice.js';
import { createKillWorld, heldAt, type KillWorld } from '../helpers/kill-world.js';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;
const MANIFEST = 'vod-upload-manifest.json';
const NO_KEYS = { TENCENTCLOUD_SECRET_ID: '', TENCENTCLOUD_SECRET_KEY: '' };

/** The upload of a file of three parts was killed where the rule held it. */
async function createKilled(t: TestContext, { path = 'film.mp4' } = {}): Promise<KillWorld> {
  const world = await createKillWorld();
  t.after(() => world.close());
  await world.write({ path }, { media: 2 * MIB + 7 }, createDice(t.name));
  const killed = await world.runUntil([path, '--part-size', '1M'], (life) =>
    heldAt(world, life, { rule: 'UploadPart#3:hang', isDone: false }),
  );
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  return world;
}

/** The same, but for the certificate, which the service did not grant: the own key signs. */
async function createKilledWithoutCertificate(t: TestContext): Promise<KillWorld> {
  const world = await createKillWorld(['ApplyUpload:without=TempCertificate', 'UploadPart#3:hang']);
  t.after(() => world.close());
  await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, createDice(t.name));
  const killed = await world.runUntil(['film.mp4', '--part-size', '1M'], (life) =>
    life.until(() =>
      life.requests().some(({ operation, fault }) => operation === 'UploadPart' && fault),
    ),
  );
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  assert.equal(world.cloud.openUploads().length, 1);
  return world;
}

async function assertNothingIsLeft({ cloud, shell }: KillWorld): Promise<void> {
  assert.deepEqual(cloud.openUploads(), []);
  assert.equal((await shell.run(['jobs', 'list'])).stdout, '');
}

describe('a session without a certificate', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  test('is resumable to jobs list, which needs no keys, and ended by jobs resume', async (t) => {
    const world = await createKilledWithoutCertificate(t);
    const listed = await world.shell.run(['jobs', 'list'], { env: NO_KEYS });
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /\tresumable\t/);
    const resumed = await world.run(['jobs', 'resume']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(world.cloud.sessions().length, 1);
    await assertNothingIsLeft(world);
  });

  test('has its upload aborted by jobs abort', async (t) => {
    const world = await createKilledWithoutCertificate(t);
    const aborted = await world.shell.run(['jobs', 'abort']);
    assert.equal(aborted.code, 0, aborted.stderr);
    await assertNothingIsLeft(world);
  });

  test('has its upload aborted by jobs gc once its file is gone', async (t) => {
    const world = await createKilledWithoutCertificate(t);
    await rm(join(world.shell.dir, 'film.mp4'));
    const collected = await world.shell.run(['jobs', 'gc']);
    assert.match(collected.stdout, /"abandoned":1/, collected.stderr);
    await assertNothingIsLeft(world);
  });
});

describe('jobs', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  test('jobs resume with nothing to resume says so, exit 4, and leaves the manifest alone', async (t) => {
    const world = await createKilled(t);
    assert.equal((await world.run(['jobs', 'resume'])).code, 0);
    const manifest = (): Promise<string> => readFile(join(world.shell.dir, MANIFEST), 'utf8');
    const before = await manifest();
    const again = await world.run(['jobs', 'resume']);
    assert.equal(again.code, 4, again.stderr);
    assert.match(again.stderr, /nothing to resume/);
    assert.doesNotMatch(again.stderr, /allow-empty/);
    const quiet = await world.run(['jobs', 'resume', '-q', '--json']);
    assert.equal(quiet.code, 4);
    assert.equal(quiet.stderr, '');
    assert.match(quiet.stdout, /"type":"run-finished".*"exitCode":4/);
    assert.equal(await manifest(), before);
  });

  test('jobs list --json gives no command to a log, and tells the path as it is', async (t) => {
    const path = '##[error]\u2028##vso[x].mp4';
    const { shell } = await createKilled(t, { path });
    const listed = await shell.run(['jobs', 'list', '--json']);
    assert.doesNotMatch(listed.stdout, /##\[|##vso|\u2028/);
    assert.equal((JSON.parse(listed.stdout) as { path: string }).path, path);
  });
});
