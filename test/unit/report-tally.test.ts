import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UploadEvent } from '../../src/core/events.js';
import { advance, emptyTally, progressOf, summarise } from '../../src/report/tally.js';
import type { Tally } from '../../src/report/tally.js';
import { effort, everyOutcome, job, uploaded } from '../helpers/outcomes.js';

const MIB = 2 ** 20;

function run(events: readonly UploadEvent[], from = emptyTally()): Tally {
  return events.reduce(advance, from);
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
    outcome: { ...uploaded(path, size), effort: effort(bytesSent) } as never,
  };
}

function moved(atMs: number, bytes: number): UploadEvent {
  return { type: 'bytes-moved', bytes, atMs };
}

describe('tally', () => {
  it('counts bytes that are on their way and files that are settled', () => {
    const tally = run([
      planned(1000),
      planned(3000),
      started('a', 1000),
      started('b', 3000),
      progress('b', 500, 3000),
      settled('a', 1000),
    ]);
    const { filesSettled, filesTotal, bytesDone, bytesTotal, fraction } = progressOf(tally);
    assert.deepEqual(
      { filesSettled, filesTotal, bytesDone, bytesTotal, fraction },
      { filesSettled: 1, filesTotal: 2, bytesDone: 1500, bytesTotal: 4000, fraction: 0.375 },
    );
  });

  it('winds back when a part is sent again', () => {
    const tally = run([
      planned(1000),
      started('a', 1000),
      progress('a', 800, 1000),
      progress('a', 300, 1000),
    ]);
    assert.equal(progressOf(tally).fraction, 0.3);
  });

  it('never exceeds 100 % when more comes than was planned', () => {
    const tally = run([started('a', 1000), progress('a', 5000, 1000)]);
    assert.equal(progressOf(tally).fraction, 1);
  });

  it('leaves interrupted files out of the bytes done and to do', () => {
    const ended = { status: 'interrupted', path: 'b', job: job('b', 3000) } as const;
    const tally = run([
      planned(1000),
      planned(3000),
      started('a', 1000),
      progress('a', 250, 1000),
      { type: 'job-settled', outcome: ended },
    ]);
    const { bytesDone, bytesTotal, fraction } = progressOf(tally);
    assert.deepEqual([bytesDone, bytesTotal, fraction], [250, 1000, 0.25]);
  });

  it('leaves inputs that are no jobs out of the bytes to do', () => {
    const outcome = { status: 'skipped', path: 'x', size: 99, reason: 'empty' } as const;
    const tally = run([planned(1000), { type: 'job-settled', outcome }]);
    const { filesSettled, filesTotal, bytesDone, bytesTotal } = progressOf(tally);
    assert.deepEqual([filesSettled, filesTotal, bytesDone, bytesTotal], [1, 2, 0, 1000]);
  });

  it('tells no rate before the first byte and no time left before the plan is finished', () => {
    const began = run([moved(0, 0), planned(1000), started('a', 1000), moved(1000, 0)]);
    assert.equal(progressOf(began).rate, undefined);
    const moving = run([moved(2000, 500), progress('a', 500, 1000)], began);
    assert.equal(progressOf(moving).rate, 250);
    assert.equal(progressOf(moving).remainingMs, undefined);
    const final = run([{ type: 'plan-finished' }], moving);
    assert.equal(progressOf(final).remainingMs, 2000);
  });

  it('tells the rate and the time left before the first part is stored', () => {
    const tally = run([
      moved(0, 0),
      planned(800 * MIB),
      { type: 'plan-finished' },
      started('a', 800 * MIB),
      moved(1000, 4 * MIB),
    ]);
    assert.equal(progressOf(tally).rate, 4 * MIB);
    assert.equal(progressOf(tally).remainingMs, 200_000);
  });

  it('leaves out of the rate what was stored before this run', () => {
    const tally = run([moved(0, 0), progress('a', 400 * MIB, 800 * MIB), moved(1000, 8 * MIB)]);
    assert.equal(progressOf(tally).rate, 8 * MIB);
  });

  it('lets the rate sink while nothing moves, and forgets what is long ago', () => {
    const still = Array.from({ length: 40 }, (_, second) => moved(second * 1000, 8 * MIB));
    assert.equal(progressOf(run([moved(-1000, 0), ...still.slice(0, 4)])).rate, 2 * MIB);
    assert.equal(progressOf(run([moved(-1000, 0), ...still])).rate, 0);
  });

  it('forgets what is settled: memory does not grow with the number of files', () => {
    let tally = emptyTally();
    for (let file = 0; file < 5000; file++) {
      tally = run(
        [started(`f${file}`, 10), progress(`f${file}`, 5, 10), settled(`f${file}`, 10)],
        tally,
      );
    }
    assert.equal(tally.active.size, 0);
  });

  it('finds the job of an outcome that comes without an id', () => {
    const tally = run([started('a', 1000), { type: 'job-settled', outcome: uploaded('a', 1000) }]);
    assert.equal(tally.active.size, 0);
  });

  it('takes a file that waits for its second try for none in flight, and counts what is stored of it', () => {
    const postponed = { type: 'job-postponed', id: job('a').id } as const;
    const waiting = run([started('a', 1000), progress('a', 600, 1000), postponed]);
    assert.equal(waiting.active.size, 0);
    assert.equal(progressOf(waiting).fraction, 0.6);
    const again = run([started('a', 1000), progress('a', 700, 1000)], waiting);
    assert.equal(again.active.size, 1);
    assert.equal(progressOf(again).fraction, 0.7);
    const ended = run([postponed, settled('a', 1000)], again);
    const { bytesDone, bytesTotal, filesTotal } = progressOf(ended);
    assert.deepEqual([bytesDone, bytesTotal, filesTotal], [1000, 1000, 1]);
  });

  it('sums up one count a record, the sizes of all sources and the bytes of all requests', () => {
    const tally = run(everyOutcome().map((outcome) => ({ type: 'job-settled', outcome }) as const));
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
