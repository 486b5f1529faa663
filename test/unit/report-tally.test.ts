import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UploadEvent } from '../../src/core/events.js';
import { advance, emptyTally, progressOf, summarise } from '../../src/report/tally.js';
import type { Tally } from '../../src/report/tally.js';
import { effort, everyOutcome, job, uploaded } from '../helpers/outcomes.js';

const MIB = 2 ** 20;

function run(events: readonly (readonly [number, UploadEvent])[], from = emptyTally()): Tally {
  return events.reduce((tally, [atMs, event]) => advance(tally, event, atMs), from);
}

function planned(size: number): UploadEvent {
  return { type: 'job-planned', size };
}

function started(path: string, size: number): UploadEvent {
  return { type: 'job-started', id: job(path).id, path, size };
}

function progress(path: string, bytesStored: number, size: number): UploadEvent {
  return { type: 'job-progress', id: job(path).id, path, bytesStored, size };
}

function settled(path: string, size: number, bytesSent = size): UploadEvent {
  return {
    type: 'job-settled',
    id: job(path).id,
    outcome: { ...uploaded(path, size), effort: effort(bytesSent) } as never,
  };
}

/** Three steps of 8 MiB from `bytesAtStart` on, one a second. */
function steps(bytesAtStart: number, size: number): (readonly [number, UploadEvent])[] {
  return [
    [0, planned(size)],
    [0, { type: 'plan-finished' }],
    [0, started('a', size)],
    ...[0, 1, 2, 3].map(
      (step) => [step * 1000, progress('a', bytesAtStart + step * 8 * MIB, size)] as const,
    ),
  ];
}

describe('tally', () => {
  it('counts bytes that are on their way and files that are settled', () => {
    const tally = run([
      [0, planned(1000)],
      [0, planned(3000)],
      [0, started('a', 1000)],
      [0, started('b', 3000)],
      [1000, progress('b', 500, 3000)],
      [1000, settled('a', 1000)],
    ]);
    const { filesSettled, filesTotal, bytesDone, bytesTotal, fraction } = progressOf(tally, 1000);
    assert.deepEqual(
      { filesSettled, filesTotal, bytesDone, bytesTotal, fraction },
      { filesSettled: 1, filesTotal: 2, bytesDone: 1500, bytesTotal: 4000, fraction: 0.375 },
    );
  });

  it('winds back when a part is sent again', () => {
    const tally = run([
      [0, planned(1000)],
      [0, started('a', 1000)],
      [1, progress('a', 800, 1000)],
      [2, progress('a', 300, 1000)],
    ]);
    assert.equal(progressOf(tally, 2).fraction, 0.3);
  });

  it('never exceeds 100 % when more comes than was planned', () => {
    const tally = run([
      [0, started('a', 1000)],
      [1, progress('a', 5000, 1000)],
    ]);
    assert.equal(progressOf(tally, 1).fraction, 1);
  });

  it('leaves inputs that are no jobs out of the bytes to do', () => {
    const outcome = { status: 'skipped', path: 'x', size: 99, reason: 'empty' } as const;
    const tally = run([
      [0, planned(1000)],
      [0, { type: 'job-settled', outcome }],
    ]);
    const { filesSettled, filesTotal, bytesDone, bytesTotal } = progressOf(tally, 0);
    assert.deepEqual([filesSettled, filesTotal, bytesDone, bytesTotal], [1, 2, 0, 1000]);
  });

  it('tells no rate before the first byte and no time left before the plan is finished', () => {
    const began = run([
      [0, planned(1000)],
      [0, started('a', 1000)],
    ]);
    assert.equal(progressOf(began, 5000).rate, undefined);
    const moving = run(
      [
        [1000, progress('a', 0, 1000)],
        [2000, progress('a', 500, 1000)],
      ],
      began,
    );
    assert.equal(progressOf(moving, 2000).rate, 250);
    assert.equal(progressOf(moving, 2000).remainingMs, undefined);
    const final = run([[2000, { type: 'plan-finished' }]], moving);
    assert.equal(progressOf(final, 2000).remainingMs, 2000);
  });

  for (const [what, bytesAtStart] of [
    ['a fresh file', 0],
    ['a file that was half stored before', 400 * MIB],
  ] as const) {
    it(`counts towards the rate what this run sent, for ${what}`, () => {
      const tally = run(steps(bytesAtStart, 800 * MIB));
      assert.equal(progressOf(tally, 3000).rate, 8 * MIB);
    });
  }

  it('counts small files, which tell no progress, when they settle', () => {
    const events = [1, 2, 3, 4].flatMap((second) => [
      [second * 1000 - 1000, started(`f${second}`, 100)] as const,
      [second * 1000, settled(`f${second}`, 100)] as const,
    ]);
    assert.equal(progressOf(run(events), 4000).rate, 100);
  });

  it('lets the rate sink while nothing arrives', () => {
    const tally = run(steps(0, 800 * MIB));
    assert.equal(progressOf(tally, 12_000).rate, 2 * MIB);
  });

  it('keeps the rate steady on a link that takes a minute for a part', () => {
    const events = Array.from(
      { length: 100 },
      (_, part) => [part * 60_000, progress('a', part * 8 * MIB, 2000 * MIB)] as const,
    );
    const rate = progressOf(
      run([[0, started('a', 2000 * MIB)], ...events]),
      99 * 60_000 + 30_000,
    ).rate;
    const honest = (8 * MIB) / 60;
    assert.ok(rate !== undefined && Math.abs(rate / honest - 1) < 0.05);
  });

  it('forgets what is settled: memory does not grow with the number of files', () => {
    let tally = emptyTally();
    for (let file = 0; file < 5000; file++) {
      tally = run(
        [
          [file, started(`f${file}`, 10)],
          [file, progress(`f${file}`, 5, 10)],
          [file * 1000, settled(`f${file}`, 10)],
        ],
        tally,
      );
    }
    assert.equal(tally.active.size, 0);
    assert.ok(tally.samples.length <= 32);
  });

  it('finds the job of an outcome that comes without an id', () => {
    const tally = run([
      [0, started('a', 1000)],
      [1, { type: 'job-settled', outcome: uploaded('a', 1000) }],
    ]);
    assert.equal(tally.active.size, 0);
  });

  it('sums up one count a record, the sizes of all sources and the bytes of all requests', () => {
    const tally = run(
      everyOutcome().map((outcome) => [0, { type: 'job-settled', outcome }] as const),
    );
    assert.deepEqual(summarise(tally), {
      total: 9,
      uploaded: 1,
      skipped: 3,
      failed: 2,
      interrupted: 2,
      unknown: 1,
      bytes: 1000 + 1000 + 5 + 1000 + 1000 + 1000 + 1000,
      bytesSent: 1001 + 1000 + 10,
    });
  });
});
