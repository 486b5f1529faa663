import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createReporters } from '../../src/cli/reporters.js';
import type { UploadFlags } from '../../src/cli/upload-options.js';
import type { World } from '../../src/cli/world.js';
import { failed, uploaded } from '../helpers/outcomes.js';

function terminal(isTTY: boolean) {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  const take = (): string => chunks.splice(0).join('');
  return { stream: Object.assign(stream, { isTTY, columns: 80, rows: 24 }), take };
}

for (const [name, isTTY, flags] of [
  ['bars', true, {}],
  ['lines', false, {}],
  ['JSON, quietly', false, { quiet: true, json: true }],
] as const) {
  test(`what happens after the end of a run is neither told nor counted: ${name}`, async () => {
    const { stream, take } = terminal(isTTY);
    const world = { stdout: stream, stderr: stream, env: {} } as unknown as World;
    const reporters = await createReporters(flags as UploadFlags, world, () => 0);
    const { emit, stop, summary } = reporters;
    emit({ type: 'run-started', runId: 'r', startedAt: new Date() });
    emit({ type: 'job-settled', outcome: uploaded('a.mp4') });
    emit({ type: 'job-settled', outcome: failed('b.mp4') });
    stop();
    assert.match(take(), /b\.mp4/);
    stop();
    emit({ type: 'warning', message: 'late' });
    emit({ type: 'job-settled', outcome: failed('c.mp4') });
    assert.equal(take(), '');
    assert.equal(summary().total, 2);
  });
}
