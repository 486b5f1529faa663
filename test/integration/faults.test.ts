import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Effort, Job, Outcome, SourceFile } from '../../src/core/model.js';
import { createCrc64 } from '../../src/sandbox/crc64.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';
import type { FaultRow, RunRow } from './fault-row.js';
import { FAULT_ROWS, PARTS } from './fault-rows.js';

/** Silence that ends a request; long enough for a slow machine to be honest in. */
const STALL_MS = 500;
const PATIENCE_MS = 10_000;
/** Nothing is stuck. */
const TIMEOUT_MS = 15_000;

let dir: string;
/** What is in each file. */
const sources = new Map<string, Buffer>();
let jobs: { readonly large: Job; readonly small: Job };

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vod-upload-faults-'));
  const write = async (name: string, size: number): Promise<string> => {
    const path = join(dir, name);
    sources.set(path, randomBytes(size));
    await writeFile(path, sources.get(path) ?? '');
    return path;
  };
  const cover = await write('large.jpg', 1000);
  jobs = {
    large: await jobOf(await write('large.mp4', (PARTS - 1) * MIB + 7), cover),
    small: await jobOf(await write('small.mp4', 5000)),
  };
});
after(() => rm(dir, { recursive: true }));

describe(
  'whatever goes wrong, each file is committed once and byte for byte',
  { concurrency: 6 },
  () => {
    for (const row of FAULT_ROWS) {
      test(row.name, { timeout: TIMEOUT_MS }, async (t) => {
        const stallTimeoutMs = isSilent(row) ? STALL_MS : PATIENCE_MS;
        const world = await createWorld({ stallTimeoutMs, ...row.world });
        t.after(() => world.close());
        await play(world, row);
      });
    }
  },
);

/** Whether a request of the row goes unanswered, so that somebody has to notice. */
function isSilent({ runs }: FaultRow): boolean {
  return runs.some(
    ({ rules = [], interruptAt }) =>
      interruptAt === undefined && rules.some((rule) => /:(hang|slow|early-drip)/.test(rule)),
  );
}

async function play(world: TestWorld, row: FaultRow): Promise<void> {
  const chosen = jobsOf(row);
  for (const [index, run] of row.runs.entries()) {
    if (index > 0) world.restart();
    const expected = run.expected ?? 'uploaded';
    const outcomes = await runOnce(world, chosen, run);
    assert.deepEqual(
      outcomes.map(told),
      chosen.map(() => expected),
      `run ${index + 1}: ${outcomes.map(explain).join('; ')}`,
    );
    assertNothingIsLeftRunning(world);
    await assertOutcomesAreTrue(world, row, outcomes);
  }
  assertWasteIsBounded(world, row);
  assert.equal(world.sandbox.openUploads().length, row.abandoned ?? 0, 'open multipart uploads');
}

function jobsOf({ jobs: chosen = 'both' }: FaultRow): readonly Job[] {
  return chosen === 'both' ? [jobs.large, jobs.small] : [jobs[chosen]];
}

async function runOnce(
  world: TestWorld,
  chosen: readonly Job[],
  { rules = [], interruptAt }: RunRow,
): Promise<Outcome[]> {
  world.sandbox.fail(...rules);
  const abort = new AbortController();
  const running = world.run(chosen, { abort: abort.signal });
  if (interruptAt !== undefined) {
    await isHeld(world, interruptAt);
    abort.abort(new Error('interrupted'));
  }
  return running;
}

/** Resolves once a request of the operation is under its fault and no other is unanswered. */
async function isHeld(world: TestWorld, operation: string): Promise<void> {
  const from = world.sandbox.requests.length;
  for (let quiet = 0; quiet < 10; await sleep(10)) {
    const seen = world.sandbox.requests.slice(from);
    const open = seen.filter((one) => one.status === 0);
    const isAlone = open.length === 1 && open[0]?.operation === operation;
    quiet = isAlone && open[0]?.fault !== undefined ? quiet + 1 : 0;
  }
}

function told(outcome: Outcome): string {
  return outcome.status === 'failed' ? outcome.failure.code : outcome.status;
}

function explain(outcome: Outcome): string {
  return 'failure' in outcome ? outcome.failure.message : outcome.status;
}

function assertNothingIsLeftRunning(world: TestWorld): void {
  const { slots, journal } = world;
  assert.deepEqual([slots.active, slots.waiting, world.openFiles], [0, 0, 0], 'slots, files');
  assert.equal(journal.claimed.size, 0, 'claims');
}

/** What is reported is what the cloud holds. */
async function assertOutcomesAreTrue(
  world: TestWorld,
  row: FaultRow,
  outcomes: readonly Outcome[],
): Promise<void> {
  assert.ok(world.sandbox.sessions().every(({ commits }) => commits <= 1));
  for (const outcome of outcomes) {
    if (outcome.status !== 'uploaded') continue;
    const { job, receipt, effort } = outcome;
    const committed = world.sandbox
      .committed()
      .filter(({ params }) => params['MediaName'] === job.request.mediaName);
    assert.deepEqual(
      committed.map(({ fileId }) => fileId),
      [receipt.fileId],
      'one media a job',
    );
    assert.ok(!world.journal.checkpoints.has(job.id), 'no checkpoint of an uploaded job');
    if (row.isUntold || receipt.crc64 !== null) {
      assert.equal(receipt.crc64, row.isUntold ? null : crc64Of(job.media), 'CRC-64');
    }
    if (job.cover) assert.equal(receipt.coverCrc64, crc64Of(job.cover), 'CRC-64 of the cover');
    assertEffortIsTrue(row, job, effort);
    const { mediaKey = '', coverKey = null } = committed[0] ?? {};
    await assertStored(world, mediaKey, job.media.path);
    if (job.cover) await assertStored(world, coverKey ?? '', job.cover.path);
  }
}

/** By the sandbox's own arithmetic. */
function crc64Of({ path }: SourceFile): string {
  const crc64 = createCrc64();
  crc64.update(sources.get(path) ?? Buffer.alloc(0));
  return crc64.decimal();
}

/** Every byte of the media was sent by this run or is one of an earlier run. */
function assertEffortIsTrue(row: FaultRow, { media }: Job, effort: Effort): void {
  const { attempts, bytesSent, bytesResumed } = effort;
  const counted = bytesSent + bytesResumed;
  if (attempts === 1) assert.equal(counted, media.size, 'bytes sent and resumed');
  else assert.ok(counted >= media.size, `${counted} bytes sent and resumed`);
  assert.deepEqual({ ...effort, ...row.effort }, effort);
}

async function assertStored(world: TestWorld, key: string, path: string): Promise<void> {
  const stored = await readFile(world.sandbox.objectPath(key));
  assert.ok(sources.get(path)?.equals(stored), `${key} is ${path}, byte for byte`);
}

/** Bytes are sent again only where a fault or another session made that necessary. */
function assertWasteIsBounded(world: TestWorld, row: FaultRow): void {
  const { requests } = world.sandbox;
  const carrying = requests.filter(({ operation }) => /^(PutObject|UploadPart)$/.test(operation));
  const received = carrying.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
  const needed = jobsOf(row).reduce((sum, job) => sum + job.media.size + (job.cover?.size ?? 0), 0);
  const faults = requests.filter(({ fault }) => fault !== undefined).length;
  const extra = extraSessionsOf(row);
  const allowed = needed * (1 + extra.atMost) + (row.repeated ?? faults) * MIB;
  assert.ok(received <= allowed, `received ${received} of ${needed}, allowed ${allowed}`);
  const sessions = world.sandbox.sessions().length - jobsOf(row).length;
  assert.ok(sessions >= extra.atLeast && sessions <= extra.atMost, `${sessions} extra sessions`);
  if (row.repeated === undefined) assertNoPartTwice(carrying);
}

function extraSessionsOf({ extraSessions = 0 }: FaultRow) {
  return typeof extraSessions === 'number'
    ? { atLeast: extraSessions, atMost: extraSessions }
    : { atLeast: 0, ...extraSessions };
}

/** A part that was acknowledged as it should be is never sent again in the same session. */
function assertNoPartTwice(carrying: TestWorld['sandbox']['requests']): void {
  const acknowledged = carrying
    .filter((one) => one.operation === 'UploadPart' && one.status === 200)
    .filter((one) => one.fault === undefined)
    .map(({ key, partNumber }) => `${key}#${partNumber}`);
  assert.deepEqual(acknowledged, [...new Set(acknowledged)], 'no acknowledged part twice');
}
