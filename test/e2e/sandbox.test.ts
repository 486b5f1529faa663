import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createShell } from '../helpers/run-cli.js';

test('what the sandbox prints can be pasted, whatever its directory is called', async () => {
  const shell = await createShell();
  try {
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
  } finally {
    await shell.close();
  }
});
