import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCloud } from '../helpers/cloud.js';
import { createShell } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

for (const [name, skewMs] of [
  ['ahead', -3 * HOUR_MS],
  ['behind', 3 * HOUR_MS],
] as const) {
  test(`where the clock is three hours ${name} an unfinished upload goes on all the same`, async (t) => {
    const cloud = await startCloud(['UploadPart#3:503*2', `*:skew=${skewMs}*always`]);
    const shell = await createShell(cloud.env);
    t.after(async () => {
      await shell.close();
      await cloud.close();
    });
    await writeFile(join(shell.dir, 'a.mp4'), randomBytes(4 * MIB));
    const args = ['a.mp4', '--part-size', '1M', '--retries', '0'];
    const first = await shell.run(args);
    assert.equal(first.code, 8, first.stderr);
    const second = await shell.run(args);
    assert.equal(second.code, 0, second.stderr);
    assert.equal(cloud.sessions().length, 1);
    const manifest = await readFile(join(shell.dir, 'vod-upload-manifest.json'), 'utf8');
    const { results } = JSON.parse(manifest) as { results: { bytesResumed: number }[] };
    assert.equal(results[0]?.bytesResumed, 3 * MIB);
  });
}
