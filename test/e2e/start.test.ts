import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const require = createRequire(import.meta.url);
const PROGRAM = require.resolve('../../../bin/program.js');

/** What `bin/` runs; it is no part of what is compiled. */
interface Program {
  compile(): { readonly cachedDataRejected?: boolean };
}

for (const args of [['a.mp4'], ['--help'], ['completion', 'bash']]) {
  test(`the code cache of the build for ${args.join(' ')} is one that this version of Node takes`, () => {
    const before = process.argv;
    process.argv = [...before.slice(0, 2), ...args];
    try {
      // It looks at the arguments when it is loaded.
      delete require.cache[PROGRAM];
      const { compile } = require(PROGRAM) as Program;
      assert.equal(compile().cachedDataRejected, false);
    } finally {
      process.argv = before;
    }
  });
}

for (const [name, spaces] of [
  ['as it is', 'require("node:v8").getHeapSpaceStatistics()'],
  ['that names no place of new objects', '[]'],
] as const) {
  test(`a heap ${name}: collecting garbage ends no run, prints nothing and keeps no process alive`, () => {
    const script = `
      const spaces = ${spaces};
      require('node:v8').getHeapSpaceStatistics = () => spaces;
      require(${JSON.stringify(PROGRAM)}).run({ runInThisContext: () => () => undefined });
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
