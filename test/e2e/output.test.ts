import assert from 'node:assert/strict';
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';
import { commandLine, createShell } from '../helpers/run-cli.js';

describe('an environment or an output that is broken', () => {
  let shell: CloudShell;
  before(async () => {
    shell = await createCloudShell();
    for (const name of ['a', 'b', 'c']) await shell.write(`${name}.mp4`, name);
  });
  after(() => shell.close());

  test('a bad proxy is told before anything starts, unless nothing needs one', async () => {
    const env = { HTTPS_PROXY: 'socks5://u:geheim@h:1' };
    const unused = await shell.run(['a.mp4'], { env });
    assert.equal(unused.code, 0, unused.stderr);
    const own = Object.entries({ ...shell.cloud.env, ...env }).filter(
      ([name]) => !/COS_/.test(name),
    );
    const other = await createShell(Object.fromEntries(own));
    const used = await other.run([shell.at('b.mp4')]).finally(() => other.close());
    assert.equal(used.code, 2);
    assert.match(used.stderr, /^vod-upload: HTTPS_PROXY is not .*\n {2}Write it as /);
    assert.doesNotMatch(used.stderr, /geheim/);
  });

  test('a current directory that was removed is named, and no version needs one', async () => {
    const run = (args: readonly string[]): SpawnSyncReturns<string> => {
      const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
      return spawnSync('sh', ['-c', script, 'sh', ...commandLine(args)], {
        cwd: shell.dir,
        env: shell.env,
        encoding: 'utf8',
      });
    };
    const upload = run([shell.at('a.mp4')]);
    assert.equal(upload.status, 2, upload.stderr);
    assert.match(upload.stderr, /^vod-upload: the current directory does not exist any more\n/);
    assert.equal(run(['--version']).status, 0);
  });

  test('a manifest on standard output is alone there, and replaces no log', async () => {
    const script = '"$@" | cat > piped.json; { echo before; "$@"; echo after; } >> log';
    const run = (...flags: string[]): SpawnSyncReturns<string> => {
      const command = commandLine(['a.mp4', '-q', '--manifest', '/dev/stdout', ...flags]);
      const { dir: cwd, env } = shell;
      return spawnSync('sh', ['-c', script, 'sh', ...command], { cwd, env, encoding: 'utf8' });
    };
    const { stderr } = run();
    const texts = ['piped.json', 'log'].map((name) => readFileSync(shell.at(name), 'utf8'));
    const json = texts.map((text) => text.replace(/^before\n|after\n$/g, ''));
    assert.match(texts[1] ?? '', /^before\n[^]*\nafter\n$/);
    for (const text of json) {
      assert.equal((JSON.parse(text) as { results: unknown[] }).results.length, 1, stderr);
    }
    assert.match(run('--json').stderr, /^vod-upload: --json and --manifest \/dev\/stdout /);
  });

  test('a manifest goes to a standard output that is a socket, however slowly that is read', async () => {
    const args = ['a.mp4', '-q', '--manifest', '/dev/stdout'];
    const { dir: cwd, env } = shell;
    const child = spawn(process.execPath, commandLine(args).slice(1), { cwd, env });
    child.stderr.resume();
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
    const { results } = JSON.parse(Buffer.concat(chunks).toString()) as { results: unknown[] };
    assert.equal(results.length, 1);
  });

  const noFull = !existsSync('/dev/full') && 'there is no /dev/full';
  for (const [stream, warnings] of [
    ['stdout', 1],
    ['stderr', 0],
  ] as const) {
    test(`a full disk under ${stream} does not end the uploads`, { skip: noFull }, async () => {
      const full = openSync('/dev/full', 'w');
      const [program = '', ...args] = commandLine(['b.mp4', 'c.mp4', '--force']);
      const child = spawn(program, args, {
        cwd: shell.dir,
        env: shell.env,
        stdio: [
          'ignore',
          stream === 'stdout' ? full : 'ignore',
          stream === 'stderr' ? full : 'pipe',
        ],
      });
      closeSync(full);
      const stderr: Buffer[] = [];
      child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
      const code = await new Promise((resolve) => child.on('close', resolve));
      const told = Buffer.concat(stderr).toString();
      assert.equal(code, 0, told);
      assert.equal(told.split('cannot write to standard output: ENOSPC').length - 1, warnings);
    });
  }

  for (const args of [
    ['completion', 'bash'],
    ['jobs', 'gc'],
    ['config', 'path'],
  ]) {
    test(
      `${args.join(' ')} >/dev/full says that nothing could be written`,
      { skip: noFull },
      () => {
        const full = openSync('/dev/full', 'w');
        const [program = '', ...rest] = commandLine(args);
        const { cwd, env } = { cwd: shell.dir, env: shell.env };
        const stdio = ['ignore', full, 'pipe'] as const;
        const ran = spawnSync(program, rest, { cwd, env, stdio: [...stdio], encoding: 'utf8' });
        closeSync(full);
        assert.equal(ran.status, 0, ran.stderr);
        assert.match(ran.stderr, /cannot write to standard output: ENOSPC\n$/);
      },
    );
  }
});
