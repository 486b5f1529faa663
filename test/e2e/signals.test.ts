import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { link, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestRecord } from '../../src/sandbox/sandbox.js';
import { startCloud, type Cloud } from '../helpers/cloud.js';
import { createDice } from '../helpers/kill-dice.js';
import { commandLine, createShell, type Ran, type Shell } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;
const POLL_MS = 4;
const TIMEOUT_MS = 30_000;
/** What the product promises after the first signal. */
const PROMPT_MS = 2_000;
/** Where nothing may be waited for; a slow machine's process exit included. */
const AT_ONCE_MS = 500;
/** A signal that comes sooner after one of the same name may be the same request. */
const ANOTHER_REQUEST_MS = 320;
/** What the kernel keeps for the reader of a pipe. */
const PIPE_SIZE = 65_536;

interface World {
  readonly cloud: Cloud;
  readonly shell: Shell;
  /** Writes a file of the shell's directory. */
  write(name: string, size: number): Promise<void>;
  /** Looks until the condition holds, or the test is over. */
  until(condition: () => boolean): Promise<void>;
  /** Resolves once a request is there that the condition holds for. */
  arrived(condition: (record: RequestRecord) => boolean): Promise<void>;
}

async function createWorld(t: TestContext, faults: readonly string[]): Promise<World> {
  const cloud = await startCloud(faults);
  const shell = await createShell(cloud.env);
  t.after(async () => {
    await shell.close();
    await cloud.close();
  });
  const dice = createDice(t.name);
  const until: World['until'] = async (condition) => {
    while (!condition()) await sleep(POLL_MS, undefined, { signal: t.signal });
  };
  return {
    cloud,
    shell,
    until,
    write: (name, size) => writeFile(join(shell.dir, name), dice.bytes(size)),
    arrived: (condition) => until(() => cloud.requests.some(condition)),
  };
}

interface Manifest {
  readonly exitCode: number;
  readonly results: readonly { readonly path: string; readonly status: string }[];
}

async function manifestOf({ shell }: World): Promise<Manifest> {
  const text = await readFile(join(shell.dir, 'vod-upload-manifest.json'), 'utf8');
  return JSON.parse(text) as Manifest;
}

async function timed(ended: Promise<Ran>): Promise<Ran & { readonly tookMs: number }> {
  const from = performance.now();
  return { ...(await ended), tookMs: performance.now() - from };
}

function count({ cloud }: World, operation: string): number {
  return cloud.requests.filter((record) => record.operation === operation).length;
}

const isHeld = (record: RequestRecord): boolean => record.fault === 'hang';

/** Parts 1 and 2 of four are stored, the others are never answered. */
async function createHalfSent(t: TestContext): Promise<World> {
  const world = await createWorld(t, ['UploadPart#3:hang', 'UploadPart#4:hang']);
  await world.write('film.mp4', 4 * MIB);
  return world;
}

async function isHalfSent(world: World): Promise<void> {
  await world.arrived((record) => record.partNumber === 4 && isHeld(record));
  await world.until(() => world.cloud.openUploads()[0]?.parts.length === 2);
}

/** The next run sends what is missing, and nothing else. */
async function assertGoesOn(world: World): Promise<void> {
  const from = world.cloud.requests.length;
  const ran = await world.shell.run(['film.mp4', '--part-size', '1M']);
  assert.equal(ran.code, 0, ran.stderr);
  const requests = world.cloud.requests.slice(from);
  assert.ok(!requests.some(({ operation }) => operation === 'ApplyUpload'));
  const sent = requests.filter(({ operation }) => operation === 'UploadPart');
  assert.deepEqual(sent.map(({ partNumber }) => partNumber).sort(), [3, 4]);
}

describe('the first signal asks', { concurrency: 4, timeout: TIMEOUT_MS }, () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const) {
    test(`${signal} with parts that are never answered: told at once, exit ${code}, the next run goes on`, async (t) => {
      const world = await createHalfSent(t);
      const { child, ended, said } = world.shell.start(['film.mp4', '--part-size', '1M']);
      await isHalfSent(world);
      child.kill(signal);
      const ending = timed(ended);
      const from = performance.now();
      await said(new RegExp(`${signal}: stopping`));
      assert.ok(performance.now() - from < AT_ONCE_MS, 'told at once');
      const ran = await ending;
      assert.equal(ran.code, code, ran.stderr);
      assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
      const { exitCode, results } = await manifestOf(world);
      assert.equal(exitCode, code);
      assert.deepEqual(
        results.map(({ path, status }) => [path, status]),
        [['film.mp4', 'interrupted']],
      );
      await assertGoesOn(world);
    });
  }

  for (const [flag, remedy] of [
    ['--force', 'vod-upload jobs resume'],
    ['--no-resume', 'vod-upload jobs resume'],
    ['--verbose', 'the same command'],
  ] as const) {
    test(`SIGINT with ${flag} says that ${remedy} goes on`, async (t) => {
      const world = await createHalfSent(t);
      const { child, ended } = world.shell.start(['film.mp4', '--part-size', '1M', flag]);
      await isHalfSent(world);
      child.kill('SIGINT');
      assert.match((await ended).stderr, new RegExp(`what is stored stays, ${remedy} goes on`));
    });
  }

  test('SIGINT with parts that are answered in time: what was under way ends and is kept', async (t) => {
    const world = await createWorld(t, ['UploadPart:delay=100*always']);
    await world.write('film.mp4', 6 * MIB);
    const args = ['film.mp4', '--part-size', '1M', '--part-concurrency', '2'];
    const { child, ended } = world.shell.start(args);
    await world.arrived(({ partNumber }) => partNumber === 3);
    child.kill('SIGINT');
    const ran = await timed(ended);
    assert.equal(ran.code, 130, ran.stderr);
    assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
    assert.deepEqual(
      (await manifestOf(world)).results.map(({ status }) => status),
      ['interrupted'],
    );
    assert.equal(world.cloud.openUploads()[0]?.parts.length, count(world, 'UploadPart'));
  });

  for (const operation of [
    'ApplyUpload',
    'InitiateMultipartUpload',
    'PutObject',
    'CompleteMultipartUpload',
    'CommitUpload',
  ]) {
    test(`SIGINT while ${operation} is never answered: exit 130 within 2 s, one record a file`, async (t) => {
      const world = await createWorld(t, [`${operation}:hang*always`]);
      await world.write('film.mp4', 2 * MIB);
      await world.write('small.mp4', 1000);
      const { child, ended } = world.shell.start(['film.mp4', 'small.mp4', '--part-size', '1M']);
      await world.arrived(isHeld);
      child.kill('SIGINT');
      const ran = await timed(ended);
      assert.equal(ran.code, 130, ran.stderr);
      assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
      const { results } = await manifestOf(world);
      assert.deepEqual(results.map(({ path }) => path).sort(), ['film.mp4', 'small.mp4']);
      assert.ok(results.some(({ status }) => status === 'interrupted'));
    });
  }

  test('SIGINT between two tries ends the waiting', async (t) => {
    const world = await createWorld(t, ['PutObject:503*always']);
    await world.write('small.mp4', 1000);
    const { child, ended } = world.shell.start(['small.mp4', '--retries', '50']);
    // The fifth wait is drawn from 0 to 4 s, those after it from up to 20 s.
    await world.until(() => count(world, 'PutObject') === 5);
    child.kill('SIGINT');
    const ran = await timed(ended);
    assert.equal(ran.code, 130, ran.stderr);
    assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
  });

  test('SIGINT while 10,000 files are being planned: exit 130 within 2 s, a whole manifest', async (t) => {
    const world = await createWorld(t, ['ApplyUpload:hang*always']);
    await world.write('one.mp4', 10);
    await mkdir(join(world.shell.dir, 'many'));
    for (let from = 0; from < 10_000; from += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_none, index) =>
          link(
            join(world.shell.dir, 'one.mp4'),
            join(world.shell.dir, 'many', `${from + index}.mp4`),
          ),
        ),
      );
    }
    const { child, ended } = world.shell.start(['many', '-q']);
    await world.arrived(isHeld);
    child.kill('SIGINT');
    const ran = await timed(ended);
    assert.equal(ran.code, 130, ran.stderr);
    assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
    const { results } = await manifestOf(world);
    assert.ok(results.length > 0);
    assert.ok(results.every(({ status }) => status === 'interrupted'));
  });

  test('SIGINT while nobody reads the pipe that takes the manifest: exit 130, and it says so', async (t) => {
    const world = await createWorld(t, []);
    await world.write('small.mp4', 1000);
    spawnSync('mkfifo', [join(world.shell.dir, 'pipe')]);
    const reader = spawn('sh', ['-c', 'exec sleep 60 <pipe'], { cwd: world.shell.dir });
    t.after(() => reader.kill());
    const names = Array.from({ length: 400 }, () => 'small.mp4').join('\n');
    const { child, ended } = world.shell.start(
      ['--files-from', '-', '--manifest', 'pipe', '--force'],
      { stdin: names },
    );
    await world.until(() => count(world, 'CommitUpload') === 1);
    await sleep(AT_ONCE_MS);
    child.kill('SIGINT');
    const ran = await ended;
    // A shell reports either as 130.
    assert.ok(ran.code === 130 || ran.signal === 'SIGINT', ran.stderr);
    assert.match(ran.stderr, /it was not taken in time\. Let somebody read the pipe/);
  });

  test('SIGINT while a pipe takes nothing of a manifest whose run is over: exit 130', async (t) => {
    const world = await createWorld(t, []);
    await world.write('small.mp4', 1000);
    const path = join(world.shell.dir, 'pipe');
    spawnSync('mkfifo', [path]);
    const pipe = await open(path, 'r+');
    t.after(() => pipe.close());
    await pipe.write(Buffer.alloc(PIPE_SIZE));
    const { child, ended } = world.shell.start(['small.mp4', '--manifest', 'pipe']);
    await world.until(() => count(world, 'CommitUpload') === 1);
    await sleep(AT_ONCE_MS);
    child.kill('SIGINT');
    const ran = await timed(ended);
    // A shell reports either as 130.
    assert.ok(ran.code === 130 || ran.signal === 'SIGINT', ran.stderr);
    assert.match(ran.stderr, /it was not taken in time\. Let somebody read the pipe/);
  });

  test('SIGINT while --files-from - waits for more ends it at once, with nothing sent', async (t) => {
    const world = await createWorld(t, []);
    await world.write('small.mp4', 1000);
    const { child, ended } = world.shell.start(['--files-from', '-'], {
      stdin: 'small.mp4\n',
      keepStdinOpen: true,
    });
    // Nothing tells that the list is being read; so long it takes to get there.
    await sleep(AT_ONCE_MS);
    child.kill('SIGINT');
    const ran = await timed(ended);
    // A shell reports either as 130.
    assert.ok(ran.code === 130 || ran.signal === 'SIGINT', ran.stderr);
    assert.ok(ran.tookMs < AT_ONCE_MS, `${ran.tookMs} ms`);
    assert.equal(world.cloud.requests.length, 0);
  });
});

describe('other signals', { concurrency: 4, timeout: TIMEOUT_MS }, () => {
  test('a second SIGINT ends it at once, and nothing is lost', async (t) => {
    const world = await createHalfSent(t);
    const { child, ended, said } = world.shell.start(['film.mp4', '--part-size', '1M']);
    await isHalfSent(world);
    child.kill('SIGINT');
    await said(/SIGINT: stopping/);
    await sleep(ANOTHER_REQUEST_MS);
    child.kill('SIGINT');
    const ran = await timed(ended);
    assert.equal(ran.code, 130, ran.stderr);
    assert.ok(ran.tookMs < AT_ONCE_MS, `${ran.tookMs} ms`);
    await assertGoesOn(world);
  });

  test('a second signal of another name ends it at once', async (t) => {
    const world = await createHalfSent(t);
    const { child, ended, said } = world.shell.start(['film.mp4', '--part-size', '1M']);
    await isHalfSent(world);
    child.kill('SIGINT');
    await said(/SIGINT: stopping/);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 143);
    await assert.rejects(manifestOf(world));
  });

  for (const [first, again] of [
    ['SIGTERM', 'SIGTERM'],
    ['SIGHUP', 'SIGHUP'],
    ['SIGTERM', 'SIGHUP'],
  ] as const) {
    test(`${first} and at once ${again} are one request: the manifest is written`, async (t) => {
      const world = await createHalfSent(t);
      const { child, ended, said } = world.shell.start(['film.mp4', '--part-size', '1M']);
      await isHalfSent(world);
      child.kill(first);
      await said(/stopping/);
      child.kill(again);
      const ran = await ended;
      assert.equal(ran.code, 143, ran.stderr);
      assert.equal((await manifestOf(world)).exitCode, 143);
    });
  }

  test('SIGUSR1 prints how far each file is, and the upload goes on', async (t) => {
    const world = await createWorld(t, ['UploadPart#2:delay=1500']);
    await world.write('film.mp4', 2 * MIB);
    const { child, ended, said } = world.shell.start(['film.mp4', '--part-size', '1M']);
    await world.arrived((record) => record.fault !== undefined);
    await world.until(() => world.cloud.openUploads()[0]?.parts.length === 1);
    child.kill('SIGUSR1');
    await said(/0 of 1 files[^]*film\.mp4: \d/);
    assert.equal((await ended).code, 0);
  });

  test('stopped for longer than the stall timeout, then continued: no request is repeated', async (t) => {
    const world = await createWorld(t, []);
    await world.write('film.mp4', 3 * MIB);
    const { child, ended } = world.shell.start(
      [
        ...['film.mp4', '--part-size', '1M', '--limit-rate', '1M', '--part-concurrency', '2'],
        ...['--stall-timeout', '2s', '--json'],
      ],
      {},
    );
    await world.arrived(({ operation, bytesReceived }) => {
      return operation === 'UploadPart' && bytesReceived > 100_000;
    });
    child.kill('SIGSTOP');
    await sleep(5_000);
    child.kill('SIGCONT');
    const ran = await ended;
    assert.equal(ran.code, 0, ran.stderr + ran.stdout);
    assert.doesNotMatch(ran.stdout, /job-retried/);
    assert.equal(count(world, 'UploadPart'), 3);
  });

  for (const [stream, args] of [
    ['stdout', []],
    ['stdout', ['--json']],
    ['stderr', ['-v']],
  ] as const) {
    test(`a reader of ${stream} that goes away is no failure ${args.join()}`, async (t) => {
      const world = await createWorld(t, ['PutObject:delay=100*always']);
      const names = Array.from({ length: 12 }, (_none, index) => `${index}.mp4`);
      for (const name of names) await world.write(name, 1000);
      const { child, ended } = world.shell.start([...names, '-c', '2', ...args]);
      await world.arrived(({ operation }) => operation === 'PutObject');
      child[stream]?.destroy();
      const ran = await ended;
      assert.equal(ran.code, 0, ran.stderr);
      assert.equal(world.cloud.sessions().filter(({ commits }) => commits === 1).length, 12);
      assert.equal((await manifestOf(world)).results.length, 12);
    });
  }

  test('what comes on a stdin that is no terminal is no key', async (t) => {
    const world = await createWorld(t, []);
    await world.write('small.mp4', 1000);
    const ran = await world.shell.run(['small.mp4'], { stdin: 'qqq\u0003\n' });
    assert.equal(ran.code, 0, ran.stderr);
  });
});

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
    function startFirst({ shell }: World, args: readonly string[]) {
      const words = ['-pf', '--kill-child', '--mount-proc', ...commandLine(args)];
      const outer = spawn('unshare', words, { cwd: shell.dir, env: { ...shell.env } });
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
      await assert.rejects(manifestOf(world));
    });

    test('ends at a signal before the run has begun', async (t) => {
      const world = await createWorld(t, []);
      const first = startFirst(world, ['--files-from', '-']);
      // Nothing tells that the list is being read; so long it takes to get there.
      await sleep(3 * AT_ONCE_MS);
      await first.signal('SIGTERM');
      assert.equal(await first.ended, 143, first.told());
    });
  },
);

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
      { shell, until }: World,
      args: readonly string[],
      { env = {}, before = '', afterwards = '' } = {},
    ) {
      const command = commandLine(args).map((word) => `'${word}'`);
      const child = spawn(
        'script',
        ['-qec', before + command.join(' ') + afterwards, '/dev/null'],
        {
          cwd: shell.dir,
          env: { ...shell.env, TERM: 'xterm', SHELL: '/bin/sh', ...env },
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      );
      let shown = '';
      child.stdout.on('data', (chunk: Buffer) => (shown += String(chunk)));
      const ended = once(child, 'close').then(([code]) => code as number | null);
      const shows = (pattern: RegExp): Promise<void> => until(() => pattern.test(shown));
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
      spawnSync('mkfifo', [join(world.shell.dir, 'pipe')]);
      await writeFile(
        join(world.shell.dir, 'wait.mjs'),
        "import fs from 'node:fs'; fs.open('pipe', () => undefined);",
      );
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
      assert.equal((await manifestOf(world)).exitCode, 130);
    });

    test('config set secret-key asks again after ^Z and fg', async (t) => {
      const world = await createWorld(t, []);
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
      await world.until(() => existsSync(join(world.shell.dir, 'ended')));
      await sleep(AT_ONCE_MS);
      assert.equal(await readFile(join(world.shell.dir, 'ended'), 'utf8'), '143\n');
      assert.equal((await manifestOf(world)).exitCode, 143);
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
