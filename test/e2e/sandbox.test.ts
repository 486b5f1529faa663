import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createShell } from '../helpers/run-cli.js';

test('what the sandbox prints can be pasted, whatever its directory is called', async (t) => {
  const shell = await createShell();
  t.after(() => shell.close());
  const { child, ended } = shell.start(['sandbox', '--port', '0', '--dir', "it's my cloud"]);
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const { stdout } = await ended;
  const lines = stdout.split('\n').filter((line) => line.startsWith('export '));
  const script = `${lines.join('\n')}\nprintf %s "$VOD_UPLOAD_STATE_DIR"`;
  const pasted = spawnSync('sh', ['-ec', script], { encoding: 'utf8' });
  const expected = join(await realpath(shell.dir), "it's my cloud", '.state');
  assert.deepEqual([pasted.stdout, pasted.stderr], [expected, '']);
});

test('a directory is served by one process at a time, and by the next as soon as that is gone', async (t) => {
  const shell = await createShell();
  t.after(() => shell.close());
  const journal = shell.at('cloud/.sandbox/state.jsonl');
  const serve = ['sandbox', '--port', '0', '--dir', 'cloud'];
  await shell.write('a.mp4', 'x');
  assert.equal((await shell.run(['a.mp4', '--sandbox=cloud'])).code, 0);
  const first = shell.start(serve);
  assert.ok(first.child.stdout);
  await once(first.child.stdout, 'data');
  const before = await readFile(journal, 'utf8');
  for (const args of [serve, ['a.mp4', '--force', '--sandbox=cloud']]) {
    const { code, stderr } = await shell.run(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`cannot have .*cloud: process ${first.child.pid} on`));
  }
  assert.equal(await readFile(journal, 'utf8'), before);
  first.child.kill('SIGKILL');
  await first.ended;
  const next = await shell.run(['a.mp4', '--force', '--sandbox=cloud']);
  assert.equal(next.code, 0, next.stderr);
});
