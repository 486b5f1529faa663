import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { findAccount } from '../../src/cli/credentials.js';
import { UsageError } from '../../src/core/errors.js';
import { mountDeadDisk, noDeadDisk } from '../helpers/dead-disk.js';

/** Asks for keys of this home, of which this place does not answer: it is given up after a minute. */
async function assertGivenUp(t: TestContext, home: string, place: string): Promise<void> {
  let isSettled = false;
  const found = findAccount({
    env: {},
    home,
    warn: assert.fail,
  });
  found.catch(() => undefined).finally(() => (isSettled = true));
  while (!isSettled) {
    await pause(20);
    t.mock.timers.tick(60_000);
  }
  const message = `cannot read ${place}: the disk has not answered for a minute`;
  await assert.rejects(found, (error) => error instanceof UsageError && error.message === message);
}

for (const file of ['.tccli/default.credential', '.tencentcloud/credentials']) {
  test(`keys whose disk does not answer are given up: ${file}`, { timeout: 20_000 }, async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const home = await mkdtemp(join(tmpdir(), 'vod-upload-credentials-'));
    const path = join(home, file);
    await mkdir(dirname(path), { recursive: true });
    // Nobody writes to it: whoever opens it waits.
    spawnSync('mkfifo', [path]);
    t.after(async () => {
      await (await open(path, 'r+')).close();
      await rm(home, { recursive: true });
    });
    await assertGivenUp(t, home, path);
  });
}

test('profiles whose disk does not answer are given up', { skip: noDeadDisk }, async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const home = await mkdtemp(join(tmpdir(), 'vod-upload-credentials-'));
  const directory = join(home, '.config/vod-upload');
  await mkdir(directory, { recursive: true });
  const unmount = await mountDeadDisk(directory);
  t.after(async () => {
    await unmount();
    await rm(home, { recursive: true });
  });
  await assertGivenUp(t, home, directory);
});
