import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { printPlan } from '../../src/cli/print-plan.js';
import type { UploadFlags } from '../../src/cli/upload-options.js';
import type { World } from '../../src/cli/world.js';
import { UploadFailure, type FailureCode } from '../../src/core/errors.js';
import type { PlanItem } from '../../src/core/model.js';
import { job } from '../helpers/outcomes.js';

const FLAGS = { json: false, quiet: false, allowEmpty: false } as UploadFlags;

async function* planOf(items: Iterable<PlanItem>): AsyncGenerator<PlanItem> {
  yield* items;
}

/** Prints the plan for a reader who takes each text as `take` does. */
function printed(
  items: Iterable<PlanItem>,
  take: (text: string, done: (error?: Error) => void) => void,
): Promise<number> {
  const stdout = new Writable({
    highWaterMark: 1000,
    write: (chunk: Buffer, _encoding, done) => take(String(chunk), done),
  });
  stdout.on('error', () => undefined);
  const world = { stdout, stderr: stdout } as unknown as World;
  return printPlan(
    planOf(items),
    async () => ({ kind: 'new' }),
    FLAGS,
    world,
    () => [],
  );
}

function failing(code: FailureCode, message = 'no'): PlanItem {
  return { status: 'failed', path: 'a.mp4', failure: new UploadFailure(code, message) };
}

const sending: PlanItem = { status: 'planned', job: job('b.mp4') };
const skipping: PlanItem = { status: 'skipped', path: 'c.mp4', reason: 'already-uploaded' };
const empty: PlanItem = { status: 'skipped', path: 'd.mp4', reason: 'empty' };

test('a plan has the exit code that its run would have', async () => {
  const rows: readonly (readonly [readonly PlanItem[], number])[] = [
    [[sending], 0],
    [[skipping], 0],
    [[empty], 4],
    [[], 4],
    [[sending, failing('source-missing')], 3],
    [[sending, failing('read-error')], 8],
    [[failing('too-many-open-files')], 8],
    [[failing('read-error'), failing('source-missing')], 3],
  ];
  for (const [items, code] of rows) {
    assert.equal(await printed(items, (_text, done) => done()), code, JSON.stringify(code));
  }
});

test('a slow reader holds the plan up', async () => {
  let planned = 0;
  function* many(): Generator<PlanItem> {
    for (; planned < 1000; planned++) yield sending;
  }
  let read = (): void => undefined;
  const ended = printed(many(), (_text, done) => (read = done));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(planned < 100, String(planned));
  const reading = setInterval(() => read(), 0);
  assert.equal(await ended, 0);
  clearInterval(reading);
});

test('a plan that nobody reads any more comes to its end', async () => {
  const items = Array.from({ length: 1000 }, () => sending);
  assert.equal(await printed(items, (_text, done) => done(new Error('EPIPE'))), 0);
});

test('what is said of a failure stays one line', async () => {
  let told = '';
  await printed([failing('read-error', "EIO, read 'x\n::error::forged'")], (text, done) => {
    told += text;
    done();
  });
  assert.equal(told.split('\n').length, 3, told);
});
