import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createCloudShell } from '../helpers/cloud.js';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** Where the local clock is ahead, an upload of four parts stopped before its third. */
async function createStopped(t: TestContext, aheadMs: number) {
  const shell = await createCloudShell(['UploadPart#3:503*2', `*:skew=${-aheadMs}*always`]);
  t.after(() => shell.close());
  const { cloud } = shell;
  await shell.write('a.mp4', 4 * MIB);
  const args = ['a.mp4', '--part-size', '1M', '--retries', '0'];
  const stopped = await shell.run(args);
  assert.equal(stopped.code, 8, stopped.stderr);
  assert.equal(cloud.openUploads()[0]?.parts.length, 3);
  return { cloud, shell, args };
}

for (const [name, aheadMs] of [
  ['three hours ahead', 3 * HOUR_MS],
  ['three hours behind', -3 * HOUR_MS],
  ['3 s ahead', 3000],
  ['29 s ahead', 29_000],
] as const) {
  test(`where the clock is ${name} an unfinished upload goes on all the same`, async (t) => {
    const { cloud, shell, args } = await createStopped(t, aheadMs);
    const resumed = await shell.run(args);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(cloud.sessions().length, 1);
    const { results } = await shell.manifest();
    assert.equal(results[0]?.bytesResumed, 3 * MIB);
  });
}

test('where the clock is 3 s ahead jobs abort leaves no upload behind', async (t) => {
  const { cloud, shell } = await createStopped(t, 3000);
  const aborted = await shell.run(['jobs', 'abort']);
  assert.equal(aborted.code, 0, aborted.stderr);
  assert.deepEqual(cloud.openUploads(), []);
});

test('where the clock is set back meanwhile the run took its time all the same', async (t) => {
  const shell = await createCloudShell();
  t.after(() => shell.close());
  await shell.write('a.mp4', 'x');
  const backwards = `const Real = Date;
    globalThis.Date = class extends Real {
      static now() { return Real.now() - 2 * performance.now(); }
      constructor(...args) { super(...(args.length > 0 ? args : [new.target.now()])); }
    };`;
  await shell.write('backwards.mjs', backwards);
  const env = { NODE_OPTIONS: '--import ./backwards.mjs' };
  const ran = await shell.run(['a.mp4'], { env });
  assert.equal(ran.code, 0, ran.stderr);
  const { durationMs } = await shell.manifest();
  assert.ok(Number.isInteger(durationMs) && durationMs > 0, String(durationMs));
});
