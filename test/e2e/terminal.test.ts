import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine } from '../helpers/run-cli.js';
import {
  ANOTHER_REQUEST_MS,
  AT_ONCE_MS,
  MIB,
  TIMEOUT_MS,
  assertGoesOn,
  count,
  createHalfSent,
  createWorld,
  isHalfSent,
  type World,
} from './signals-world.js';

const hasTerminal = spawnSync('script', ['--version']).status === 0;

describe(
  'keys on a terminal',
  {
    concurrency: 3,
    timeout: TIMEOUT_MS,
    skip: hasTerminal ? false : 'needs script(1) of util-linux',
  },
  () => {
    /** The command on a pseudo-terminal, and what it shows there. */
    function startOnTerminal(
      world: World,
      args: readonly string[],
      { env = {}, before = '', afterwards = '' } = {},
    ) {
      const command = commandLine(args).map((word) => `'${word}'`);
      const child = spawn(
        'script',
        ['-qec', before + command.join(' ') + afterwards, '/dev/null'],
        {
          cwd: world.dir,
          env: { ...world.env, TERM: 'xterm', SHELL: '/bin/sh', ...env },
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      );
      let shown = '';
      child.stdout.on('data', (chunk: Buffer) => (shown += String(chunk)));
      const ended = once(child, 'close').then(([code]) => code as number | null);
      const shows = (pattern: RegExp): Promise<void> => world.until(() => pattern.test(shown));
      return {
        press: (key: string) => child.stdin.write(key),
        shows,
        ended,
        shown: () => shown,
        close: () => child.kill('SIGKILL'),
      };
    }

    for (const [name, key] of [
      ['q', 'q'],
      ['^C', '\u0003'],
    ] as const) {
      test(`${name} stops as SIGINT does, and leaves the terminal clean`, async (t) => {
        const world = await createHalfSent(t);
        const terminal = startOnTerminal(world, ['film.mp4', '--part-size', '1M']);
        await isHalfSent(world);
        terminal.press(key);
        assert.equal(await terminal.ended, 130, terminal.shown());
        assert.match(terminal.shown(), /SIGINT: stopping/);
        // The cursor is shown again, last of all that concerns it.
        assert.ok(
          terminal.shown().lastIndexOf('\u001b[?25h') > terminal.shown().lastIndexOf('\u001b[?25l'),
        );
        await assertGoesOn(world);
      });
    }

    test('a second ^C leaves the terminal clean, also while a thread waits for a disk', async (t) => {
      const world = await createHalfSent(t);
      // Nobody ever writes to the pipe that the process opens before all else.
      spawnSync('mkfifo', [world.at('pipe')]);
      await world.write('wait.mjs', "import fs from 'node:fs'; fs.open('pipe', () => undefined);");
      const terminal = startOnTerminal(world, ['film.mp4', '--part-size', '1M'], {
        env: { NODE_OPTIONS: '--import ./wait.mjs' },
        before: 'trap : INT; ',
        afterwards: '; echo "ended $?"; stty -a',
      });
      await isHalfSent(world);
      terminal.press('\u0003');
      await terminal.shows(/SIGINT: stopping/);
      await sleep(ANOTHER_REQUEST_MS);
      terminal.press('\u0003');
      await terminal.ended;
      const shown = terminal.shown();
      assert.match(shown, /ended 130/);
      assert.match(shown, /[^-]icanon/);
      assert.match(shown, /[^-]echo /);
      for (const [on, off] of [
        ['\u001b[?25h', '\u001b[?25l'],
        ['\u001b[?7h', '\u001b[?7l'],
      ] as const) {
        assert.ok(shown.lastIndexOf(on) > shown.lastIndexOf(off), JSON.stringify(shown));
      }
      await assertGoesOn(world);
    });

    test('a terminal that takes nothing (^S) holds nothing up, and is told all afterwards', async (t) => {
      const world = await createWorld(t, ['PutObject:delay=100*always']);
      const names = Array.from({ length: 12 }, (_none, index) => `${index}.mp4`);
      for (const name of names) await world.write(name, 1000);
      const terminal = startOnTerminal(world, [...names, '-c', '1'], {
        afterwards: ' </dev/null; echo "ended $?"; cat /proc/self/fdinfo/1',
      });
      await terminal.shows(/0\.mp4/);
      terminal.press('\u0013');
      await world.until(() => count(world, 'CommitUpload') === names.length);
      terminal.press('\u0011');
      await terminal.ended;
      const shown = terminal.shown();
      assert.match(shown, /12 uploaded[^]*ended 0/);
      // The shell's own way to the terminal is as it was: O_NONBLOCK is 04000.
      const flags = Number.parseInt(/flags:\s*(\d+)/.exec(shown)?.[1] ?? '', 8);
      assert.equal(flags & 0o4000, 0);
    });

    const SHOW_CURSOR = '\u001b[?25h';
    const HIDE_CURSOR = '\u001b[?25l';

    test('^Z stops what it is piped to as well, gives the terminal back, and fg goes on with new bars', async (t) => {
      const world = await createWorld(t, ['PutObject:delay=1500']);
      await world.write('small.mp4', 1000);
      const terminal = startOnTerminal(world, ['small.mp4'], {
        before: 'set -m; ',
        afterwards: ' | tee out.txt; echo "stopped $?"; stty -a; fg; echo "ended $?"',
      });
      await world.arrived((record) => record.fault !== undefined);
      terminal.press('\u001a');
      await terminal.ended;
      const shown = terminal.shown();
      const [before = '', between = '', after = ''] = shown.split(/stopped \d+|iexten/);
      assert.ok(before.lastIndexOf(SHOW_CURSOR) > before.lastIndexOf(HIDE_CURSOR), shown);
      assert.match(between, /[^-]icanon/);
      assert.ok(after.includes(HIDE_CURSOR), shown);
      assert.match(after, /ended 0/);
    });

    test("^Z and bg: keys are the shell's, and the upload goes on to its end", async (t) => {
      const world = await createWorld(t, ['PutObject:delay=1500']);
      await world.write('small.mp4', 1000);
      const terminal = startOnTerminal(world, ['small.mp4'], {
        before: 'set -m; ',
        afterwards: '; bg; echo in background; read line; wait %1; echo "ended $? read $line"',
      });
      await world.arrived((record) => record.fault !== undefined);
      terminal.press('\u001a');
      await terminal.shows(/in background/);
      terminal.press('hello\n');
      await terminal.shows(/ended 0 read hello/);
      await terminal.ended;
      assert.match(terminal.shown(), /1 uploaded/);
    });

    test('a paused run that goes on in the background waits to be told what to do', async (t) => {
      const world = await createWorld(t, ['UploadPart#1:delay=300']);
      await world.write('film.mp4', 3 * MIB);
      const flags = ['--part-size', '1M', '--part-concurrency', '1'];
      const terminal = startOnTerminal(world, ['film.mp4', ...flags], {
        before: 'set -m; ',
        afterwards: '; bg; sleep 2; kill -INT %1; wait %1; echo "ended $?"',
      });
      await world.arrived(({ partNumber }) => partNumber === 1);
      terminal.press('p');
      await world.until(() => world.cloud.openUploads()[0]?.parts.length === 1);
      await sleep(AT_ONCE_MS);
      terminal.press('\u001a');
      await terminal.ended;
      assert.match(terminal.shown(), /ended 130/);
      assert.equal((await world.manifest()).exitCode, 130);
    });

    test('config set secret-key asks again after ^Z and fg', async (t) => {
      const world = await createWorld(t);
      const terminal = startOnTerminal(world, ['config', 'set', 'secret-key'], {
        before: 'set -m; ',
        afterwards: '; echo stopped; fg; echo "ended $?"',
      });
      await terminal.shows(/secret-key of "default": /);
      terminal.press('\u001a');
      await terminal.shows(/stopped[^]*secret-key of "default": /);
      terminal.press('Gu5t9xGARNpq86cd98joQYCN3EXAMPLE\n');
      await terminal.ended;
      assert.match(terminal.shown(), /secret-key is set[^]*ended 0/);
      assert.doesNotMatch(terminal.shown(), /EXAMPLE/);
    });

    test('a terminal that is closed ends it as SIGTERM would, with its manifest', async (t) => {
      const world = await createHalfSent(t);
      const terminal = startOnTerminal(world, ['film.mp4', '--part-size', '1M'], {
        before: "exec 3<&0; trap 'kill -HUP $!' HUP; ",
        afterwards: ' <&3 & wait; wait $!; echo $? > ended',
      });
      await isHalfSent(world);
      terminal.close();
      await world.until(() => existsSync(world.at('ended')));
      await sleep(AT_ONCE_MS);
      assert.equal(await readFile(world.at('ended'), 'utf8'), '143\n');
      assert.equal((await world.manifest()).exitCode, 143);
    });

    test('p holds back new requests, r lets them go', async (t) => {
      const world = await createWorld(t, ['UploadPart#1:delay=300']);
      await world.write('film.mp4', 3 * MIB);
      const flags = ['--part-size', '1M', '--part-concurrency', '1'];
      const terminal = startOnTerminal(world, ['film.mp4', ...flags]);
      await world.arrived(({ partNumber }) => partNumber === 1);
      terminal.press('p');
      await terminal.shows(/paused/);
      await world.until(() => world.cloud.openUploads()[0]?.parts.length === 1);
      assert.equal(count(world, 'UploadPart'), 1);
      terminal.press('r');
      await terminal.shows(/resumed/);
      assert.equal(await terminal.ended, 0, terminal.shown());
      assert.equal(count(world, 'UploadPart'), 3);
    });
  },
);
