import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createManifest } from '../../src/manifest/manifest.js';

/** What the kernel keeps for the reader of a pipe. */
const PIPE_SIZE = 65_536;
const summary = {
  ...{ total: 0, uploaded: 0, skipped: 0, failed: 0, interrupted: 0, unknown: 0 },
  ...{ bytes: 0, bytesSent: 0 },
};
const about = {
  tool: { name: 'vod-upload', version: '1.0.0' },
  runId: 'run-1',
  startedAt: new Date(),
  options: {},
  processes: { pid: process.pid, isAlive: () => true },
};
const tail = { finishedAt: new Date(), durationMs: 0, exitCode: 0, summary };

interface Finishing {
  readonly directory: string;
  readonly finishing: Promise<void>;
  /** Whether it has settled after an hour. */
  isSettled(): Promise<boolean>;
  /** Takes from the pipe what nobody took before. */
  read(): Promise<unknown>;
}

/** The end of a manifest in `name` whose bytes go to a pipe that is full. */
async function finish(t: TestContext, name: string): Promise<Finishing> {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const directory = await fs.mkdtemp(join(tmpdir(), 'manifest-'));
  const path = join(directory, 'pipe');
  spawnSync('mkfifo', [path]);
  const pipe = await fs.open(path, 'r+');
  const read = () => pipe.read(Buffer.alloc(PIPE_SIZE));
  t.after(async () => {
    await read();
    await pipe.close();
    await fs.rm(directory, { recursive: true });
  });
  await pipe.write(Buffer.alloc(PIPE_SIZE));
  await fs.writeFile(join(directory, 'm.json'), 'old');
  const manifest = await createManifest({
    ...about,
    path: join(directory, name),
    openFile: () => fs.open(path, 'r+'),
  });
  const finishing = manifest.finish(tail);
  let isSettled = false;
  finishing.catch(() => undefined).finally(() => (isSettled = true));
  return {
    directory,
    finishing,
    async isSettled() {
      for (let minute = 0; minute < 60 && !isSettled; minute++) {
        await pause(20);
        t.mock.timers.tick(60_000);
      }
      return isSettled;
    },
    read,
  };
}

describe('a manifest of which nothing is taken', { timeout: 20_000 }, () => {
  test('is given up where it is a file: its disk is dead', async (t) => {
    const { directory, finishing, isSettled } = await finish(t, 'm.json');
    assert.ok(await isSettled());
    await assert.rejects(finishing, /m\.json could not be written: the disk has not answered/);
    assert.equal(await fs.readFile(join(directory, 'm.json'), 'utf8'), 'old');
  });

  for (const [what, expected] of [
    ['after a minute', /the disk has not answered for a minute; it is whole in (\S+\.new)$/],
    ['after a signal', /: enough; it is whole in (\S+\.new)$/],
  ] as const) {
    test(`is told where it is whole where its disk never says that it is safe: ${what}`, async (t) => {
      t.mock.timers.enable({ apis: ['setInterval'] });
      const directory = await fs.mkdtemp(join(tmpdir(), 'manifest-'));
      t.after(() => fs.rm(directory, { recursive: true }));
      let isSyncing = false;
      const manifest = await createManifest({
        ...about,
        path: join(directory, 'm.json'),
        async openFile(path) {
          const file = await fs.open(path, 'wx');
          t.after(() => file.close());
          file.sync = () => {
            isSyncing = true;
            return new Promise(() => undefined);
          };
          return file;
        },
      });
      const givenUp = new AbortController();
      const told = manifest.finish(tail, givenUp.signal).catch((error: Error) => error);
      while (!isSyncing) await pause(5);
      if (what === 'after a signal') givenUp.abort(new Error('enough'));
      else t.mock.timers.tick(60_000);
      const { message } = (await told) as Error;
      const whole = expected.exec(message)?.[1];
      assert.ok(whole, message);
      JSON.parse(await fs.readFile(whole, 'utf8'));
    });
  }

  test('is not even begun where its disk is dead', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const path = join(tmpdir(), 'm.json');
    const openFile = () => new Promise<never>(() => undefined);
    const beginning = createManifest({ ...about, path, openFile });
    let isSettled = false;
    beginning.catch(() => undefined).finally(() => (isSettled = true));
    while (!isSettled) {
      await pause(20);
      t.mock.timers.tick(60_000);
    }
    await assert.rejects(beginning, /m\.json could not be written: the disk has not answered/);
  });

  test('waits for its reader where it is a pipe', async (t) => {
    const { finishing, isSettled, read } = await finish(t, 'pipe');
    assert.equal(await isSettled(), false);
    await read();
    await finishing;
  });
});
