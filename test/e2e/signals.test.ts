import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { link, mkdir, open } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ran } from '../helpers/run-cli.js';
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
  isHeld,
} from './signals-world.js';

/** What the product promises after the first signal. */
const PROMPT_MS = 2_000;
/** What the kernel keeps for the reader of a pipe. */
const PIPE_SIZE = 65_536;

async function timed(ended: Promise<Ran>): Promise<Ran & { readonly tookMs: number }> {
  const from = performance.now();
  return { ...(await ended), tookMs: performance.now() - from };
}

describe('the first signal asks', { concurrency: 4, timeout: TIMEOUT_MS }, () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const) {
    test(`${signal} with parts that are never answered: told at once, exit ${code}, the next run goes on`, async (t) => {
      const world = await createHalfSent(t);
      const { child, ended, said } = world.start(['film.mp4', '--part-size', '1M']);
      await isHalfSent(world);
      child.kill(signal);
      const ending = timed(ended);
      const from = performance.now();
      await said(new RegExp(`${signal}: stopping`));
      assert.ok(performance.now() - from < AT_ONCE_MS, 'told at once');
      const ran = await ending;
      assert.equal(ran.code, code, ran.stderr);
      assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
      const { exitCode, results } = await world.manifest();
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
      const { child, ended } = world.start(['film.mp4', '--part-size', '1M', flag]);
      await isHalfSent(world);
      child.kill('SIGINT');
      assert.match((await ended).stderr, new RegExp(`what is stored stays, ${remedy} goes on`));
    });
  }

  test('SIGINT with parts that are answered in time: what was under way ends and is kept', async (t) => {
    const world = await createWorld(t, ['UploadPart:delay=100*always']);
    await world.write('film.mp4', 6 * MIB);
    const args = ['film.mp4', '--part-size', '1M', '--part-concurrency', '2'];
    const { child, ended } = world.start(args);
    await world.arrived(({ partNumber }) => partNumber === 3);
    child.kill('SIGINT');
    const ran = await timed(ended);
    assert.equal(ran.code, 130, ran.stderr);
    assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
    assert.deepEqual(
      (await world.manifest()).results.map(({ status }) => status),
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
      const { child, ended } = world.start(['film.mp4', 'small.mp4', '--part-size', '1M']);
      await world.arrived(isHeld);
      child.kill('SIGINT');
      const ran = await timed(ended);
      assert.equal(ran.code, 130, ran.stderr);
      assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
      const { results } = await world.manifest();
      assert.deepEqual(results.map(({ path }) => path).sort(), ['film.mp4', 'small.mp4']);
      assert.ok(results.some(({ status }) => status === 'interrupted'));
    });
  }

  test('SIGINT between two tries ends the waiting', async (t) => {
    const world = await createWorld(t, ['PutObject:503*always']);
    await world.write('small.mp4', 1000);
    const { child, ended } = world.start(['small.mp4', '--retries', '50']);
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
    await mkdir(world.at('many'));
    for (let from = 0; from < 10_000; from += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_none, index) =>
          link(world.at('one.mp4'), world.at(`many/${from + index}.mp4`)),
        ),
      );
    }
    const { child, ended } = world.start(['many', '-q']);
    await world.arrived(isHeld);
    child.kill('SIGINT');
    const ran = await timed(ended);
    assert.equal(ran.code, 130, ran.stderr);
    assert.ok(ran.tookMs < PROMPT_MS, `${ran.tookMs} ms`);
    const { results } = await world.manifest();
    assert.ok(results.length > 0);
    assert.ok(results.every(({ status }) => status === 'interrupted'));
  });

  test('SIGINT while nobody reads the pipe that takes the manifest: exit 130, and it says so', async (t) => {
    const world = await createWorld(t);
    await world.write('small.mp4', 1000);
    spawnSync('mkfifo', [world.at('pipe')]);
    const reader = spawn('sh', ['-c', 'exec sleep 60 <pipe'], { cwd: world.dir });
    t.after(() => reader.kill());
    const names = Array.from({ length: 400 }, () => 'small.mp4').join('\n');
    const { child, ended } = world.start(['--files-from', '-', '--manifest', 'pipe', '--force'], {
      stdin: names,
    });
    await world.until(() => count(world, 'CommitUpload') === 1);
    await sleep(AT_ONCE_MS);
    child.kill('SIGINT');
    const ran = await ended;
    // A shell reports either as 130.
    assert.ok(ran.code === 130 || ran.signal === 'SIGINT', ran.stderr);
    assert.match(ran.stderr, /it was not taken in time\. Let somebody read the pipe/);
  });

  test('SIGINT while a pipe takes nothing of a manifest whose run is over: exit 130', async (t) => {
    const world = await createWorld(t);
    await world.write('small.mp4', 1000);
    const path = world.at('pipe');
    spawnSync('mkfifo', [path]);
    const pipe = await open(path, 'r+');
    t.after(() => pipe.close());
    await pipe.write(Buffer.alloc(PIPE_SIZE));
    const { child, ended } = world.start(['small.mp4', '--manifest', 'pipe']);
    await world.until(() => count(world, 'CommitUpload') === 1);
    await sleep(AT_ONCE_MS);
    child.kill('SIGINT');
    const ran = await timed(ended);
    // A shell reports either as 130.
    assert.ok(ran.code === 130 || ran.signal === 'SIGINT', ran.stderr);
    assert.match(ran.stderr, /it was not taken in time\. Let somebody read the pipe/);
  });

  test('SIGINT while --files-from - waits for more ends it at once, with nothing sent', async (t) => {
    const world = await createWorld(t);
    await world.write('small.mp4', 1000);
    const { child, ended } = world.start(['--files-from', '-'], {
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
    const { child, ended, said } = world.start(['film.mp4', '--part-size', '1M']);
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
    const { child, ended, said } = world.start(['film.mp4', '--part-size', '1M']);
    await isHalfSent(world);
    child.kill('SIGINT');
    await said(/SIGINT: stopping/);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 143);
    await assert.rejects(world.manifest());
  });

  for (const [first, again] of [
    ['SIGTERM', 'SIGTERM'],
    ['SIGHUP', 'SIGHUP'],
    ['SIGTERM', 'SIGHUP'],
  ] as const) {
    test(`${first} and at once ${again} are one request: the manifest is written`, async (t) => {
      const world = await createHalfSent(t);
      const { child, ended, said } = world.start(['film.mp4', '--part-size', '1M']);
      await isHalfSent(world);
      child.kill(first);
      await said(/stopping/);
      child.kill(again);
      const ran = await ended;
      assert.equal(ran.code, 143, ran.stderr);
      assert.equal((await world.manifest()).exitCode, 143);
    });
  }

  test('SIGUSR1 prints how far each file is, and the upload goes on', async (t) => {
    const world = await createWorld(t, ['UploadPart#2:delay=1500']);
    await world.write('film.mp4', 2 * MIB);
    const { child, ended, said } = world.start(['film.mp4', '--part-size', '1M']);
    await world.arrived((record) => record.fault !== undefined);
    await world.until(() => world.cloud.openUploads()[0]?.parts.length === 1);
    child.kill('SIGUSR1');
    await said(/0 of 1 files[^]*film\.mp4: \d/);
    assert.equal((await ended).code, 0);
  });

  test('stopped for longer than the stall timeout, then continued: no request is repeated', async (t) => {
    const world = await createWorld(t);
    await world.write('film.mp4', 3 * MIB);
    const { child, ended } = world.start(
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
      const { child, ended } = world.start([...names, '-c', '2', ...args]);
      await world.arrived(({ operation }) => operation === 'PutObject');
      child[stream]?.destroy();
      const ran = await ended;
      assert.equal(ran.code, 0, ran.stderr);
      assert.equal(world.cloud.sessions().filter(({ commits }) => commits === 1).length, 12);
      assert.equal((await world.manifest()).results.length, 12);
    });
  }

  test('what comes on a stdin that is no terminal is no key', async (t) => {
    const world = await createWorld(t);
    await world.write('small.mp4', 1000);
    const ran = await world.run(['small.mp4'], { stdin: 'qqq\u0003\n' });
    assert.equal(ran.code, 0, ran.stderr);
  });
});
