import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine } from '../helpers/run-cli.js';
import {
  AT_ONCE_MS,
  TIMEOUT_MS,
  createHalfSent,
  createWorld,
  isHalfSent,
  type World,
} from './signals-world.js';

const hasContainers =
  spawnSync('unshare', ['-pf', '--mount-proc', 'true'], { stdio: 'ignore' }).status === 0;

describe(
  'the first process of a container',
  {
    concurrency: 2,
    timeout: TIMEOUT_MS,
    skip: hasContainers ? false : 'needs unshare(1) and root',
  },
  () => {
    /** The command as process 1, and a way to signal it from outside, as a container's engine does. */
    function startFirst(world: World, args: readonly string[]) {
      const words = ['-pf', '--kill-child', '--mount-proc', ...commandLine(args)];
      const outer = spawn('unshare', words, { cwd: world.dir, env: { ...world.env } });
      let told = '';
      outer.stderr.on('data', (chunk: Buffer) => (told += String(chunk)));
      const ended = once(outer, 'close').then(([code]) => code as number | null);
      const signal = async (name: NodeJS.Signals): Promise<void> => {
        const inner = await readFile(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8');
        process.kill(Number(inner), name);
      };
      return { signal, ended, told: () => told };
    }

    test('ends at the second signal', async (t) => {
      const world = await createHalfSent(t);
      const first = startFirst(world, ['film.mp4', '--part-size', '1M']);
      await isHalfSent(world);
      await first.signal('SIGINT');
      await world.until(() => /SIGINT: stopping/.test(first.told()));
      await first.signal('SIGTERM');
      assert.equal(await first.ended, 143, first.told());
      await assert.rejects(world.manifest());
    });

    test('ends at a signal before the run has begun', async (t) => {
      const world = await createWorld(t);
      const first = startFirst(world, ['--files-from', '-']);
      // Nothing tells that the list is being read; so long it takes to get there.
      await sleep(3 * AT_ONCE_MS);
      await first.signal('SIGTERM');
      assert.equal(await first.ended, 143, first.told());
    });
  },
);
