import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainRun, type RunFacts } from '../../src/cli/explain-run.js';

const MIB = 1024 * 1024;

/** A minute at 10 MiB/s that nothing but the link held back. */
const LINK: RunFacts = {
  bytesMoved: 600 * MIB,
  durationMs: 60_000,
  mostConnections: 16,
  mostFiles: 24,
  readMs: 2000,
  connectedMs: 800_000,
  apiWaitedMs: 1000,
  troubles: 0,
  busy: 0.3,
  machineBusy: 0.4,
  ownShare: 0.2,
  answering: 0.2,
  heldMs: 0,
};

test('a run is explained in one sentence, with numbers', () => {
  assert.equal(
    explainRun(LINK),
    'at most 16 connections, 13 on average, and at most 24 files at a time, 10.0 MiB/s: limited by the link',
  );
});

test('a number of connections that never changed is told once', () => {
  const told = explainRun({ ...LINK, connectedMs: 16 * LINK.durationMs, mostFiles: 1 });
  assert.match(told, /^16 connections and at most 1 file at a time, /);
});

const TROUBLE = 'the service (asked to slow down or fell silent 3 times)';
const rows: readonly (readonly [string, Partial<RunFacts>, string])[] = [
  [
    'bytes that are held back',
    { heldMs: 57_000 },
    '--limit-rate (held bytes back for 95 % of the time)',
  ],
  ['bytes that are held back now and then', { heldMs: 10_000 }, 'the link'],
  ['much trouble', { troubles: 3 }, TROUBLE],
  ['one trouble in a minute', { troubles: 1 }, 'the link'],
  ['calls that wait', { apiWaitedMs: 120_000 }, 'the API rate (calls waited 2m00s in all)'],
  ['a busy thread', { busy: 0.93 }, "this machine's CPU (93 % of one core)"],
  ['a busy machine', { machineBusy: 0.95 }, "this machine's CPU (95 % of all cores)"],
  ['a machine that others keep busy', { machineBusy: 0.99, ownShare: 0.03 }, 'the link'],
  ['slow answers', { answering: 0.8 }, 'the answers of COS (waited for 80 % of the time)'],
  ['slow answers of a service in trouble', { answering: 0.8, troubles: 3 }, TROUBLE],
  [
    'calls that are answered slowly',
    { connectedMs: 3000, readMs: 500, answering: 1 },
    'the calls before and after the bytes (which were under way for 5 % of the time)',
  ],
  ['slow reads', { readMs: 720_000 }, 'the disk (90 % of the time spent reading)'],
  [
    'reads that wait for a busy thread',
    { readMs: 720_000, busy: 0.9 },
    "this machine's CPU (90 % of one core)",
  ],
];
for (const [name, facts, limits] of rows) {
  test(`${name}: limited by ${limits}`, () => {
    assert.equal(explainRun({ ...LINK, ...facts }).split(': limited by ')[1], limits);
  });
}
