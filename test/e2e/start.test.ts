import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const require = createRequire(import.meta.url);
const PROGRAM = require.resolve('../../../bin/program.js');
const MEMORY = require.resolve('../../../bin/memory.js');

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'start-'));
  await writeFile(join(dir, 'a.mp4'), 'x');
});
after(() => rm(dir, { recursive: true }));

/** All that uploads is four times as much, and ten times with the SDKs. */
const MOST_TO_READ_ARGUMENTS = 150_000;

interface Piece {
  readonly name: string;
  readonly size: number;
  /** undefined where there was none to take. */
  readonly cachedDataRejected?: boolean;
}

/** The pieces of the program that this command loads. */
function piecesOf(args: readonly string[]): Piece[] {
  const script = `
    const { pieces, start } = require(${JSON.stringify(PROGRAM)});
    process.argv = ['node', 'vod-upload', ...${JSON.stringify(args)}];
    process.on('exit', () => {
      const loaded = Array.from(pieces, ([file, { script }]) => ({
        name: require('node:path').basename(file),
        size: require('node:fs').statSync(file).size,
        cachedDataRejected: script.cachedDataRejected,
      }));
      require('node:fs').writeFileSync('pieces.json', JSON.stringify(loaded));
    });
    start();`;
  const { stderr } = spawnSync(process.execPath, ['--eval', script], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.doesNotMatch(stderr, /internal error/);
  return JSON.parse(readFileSync(join(dir, 'pieces.json'), 'utf8')) as Piece[];
}

for (const args of [['--help'], ['completion', 'bash'], ['a.mp4', '--sandbox=cloud']]) {
  test(`the code caches of the build for ${args.join(' ')} are ones that this version of Node takes`, () => {
    for (const { name, cachedDataRejected } of piecesOf(args)) {
      assert.equal(cachedDataRejected, false, name);
    }
  });
}

for (const args of [
  ['--help'],
  ['upload', '--help'],
  ['--version'],
  ['--porcedure=x'],
  ['jbos'],
  [],
]) {
  test(`what uploads is not loaded for: vod-upload ${args.join(' ')}`, () => {
    const loaded = piecesOf(args).reduce((sum, { size }) => sum + size, 0);
    assert.ok(loaded > 0 && loaded < MOST_TO_READ_ARGUMENTS, `${loaded} bytes`);
  });
}

test('a run asks nothing of its installation once it has begun, which may be replaced by then', async () => {
  await writeFile(join(dir, 'parts.mp4'), Buffer.alloc(2 * 1024 * 1024));
  const script = `
    const fs = require('node:fs');
    const { readFileSync } = fs;
    let isBegun = false;
    fs.readFileSync = (file, ...options) => {
      if (isBegun && /bundle.*\\.c[^.]*$/.test(String(file))) fs.writeSync(2, 'late: ' + file);
      if (/run-uploads-[^/]*$/.test(String(file))) setImmediate(() => (isBegun = true));
      return readFileSync(file, ...options);
    };
    const { start } = require(${JSON.stringify(PROGRAM)});
    process.argv = ['node', 'vod-upload', 'parts.mp4', '--part-size=1M', '--sandbox=parts'];
    process.on('exit', () => isBegun || fs.writeSync(2, 'late: it has not begun'));
    start();`;
  const { status, stderr } = spawnSync(process.execPath, ['--eval', script], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /late/);
});

for (const [name, spaces] of [
  ['as it is', 'require("node:v8").getHeapSpaceStatistics()'],
  ['that names no place of new objects', '[]'],
] as const) {
  test(`a heap ${name}: collecting garbage ends no run, prints nothing and keeps no process alive`, () => {
    const script = `
      const spaces = ${spaces};
      require('node:v8').getHeapSpaceStatistics = () => spaces;
      require(${JSON.stringify(MEMORY)}).boundMemory();
      gc();
      setTimeout(gc, 50);`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--expose-gc', '--eval', script],
      { encoding: 'utf8', timeout: 20_000 },
    );
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });
}

test('SIGUSR1 outside of a run neither opens a debugger nor ends the process', () => {
  const script = `
    require(${JSON.stringify(PROGRAM)});
    const tellState = () => process.stdout.write('told');
    const signal = () => process.kill(process.pid, 'SIGUSR1');
    signal();
    setTimeout(() => process.on('SIGUSR1', tellState) && signal(), 100);
    setTimeout(() => process.off('SIGUSR1', tellState) && signal(), 200);
    setTimeout(() => undefined, 300);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--eval', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'told', stderr: '' });
});
