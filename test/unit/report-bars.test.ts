import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UploadEvent } from '../../src/core/events.js';
import { barRows } from '../../src/report/bar-rows.js';
import { createBars, type Bars } from '../../src/report/bars.js';
import type { Every } from '../../src/report/reporter.js';
import { advance, emptyTally } from '../../src/report/tally.js';
import type { Tally } from '../../src/report/tally.js';
import { cellWidth } from '../../src/report/width.js';
import { job, uploaded } from '../helpers/outcomes.js';

const MIB = 2 ** 20;
const runStarted: UploadEvent = { type: 'run-started', runId: 'r', startedAt: new Date(0) };

function started(path: string): UploadEvent {
  return { type: 'job-started', id: job(path).id, path, size: 100 * MIB };
}

/** `count` files in flight with names of all kinds, a third of each stored. */
function inFlight(count: number): Tally {
  const names = [
    '短片/第01集：很长很长很长的中文文件名',
    'plain',
    '👨‍👩‍👧‍👦🎬 emoji',
    'evil\n\x1b[2J',
    'x'.repeat(255),
  ];
  return Array.from({ length: count }, (_, at) => `${names[at % names.length]}-${at}.mp4`)
    .flatMap((path): UploadEvent[] => [
      { type: 'job-planned', size: 100 * MIB },
      started(path),
      { type: 'job-progress', id: job(path).id, path, bytesStored: 0, size: 100 * MIB },
      { type: 'job-progress', id: job(path).id, path, bytesStored: 34 * MIB, size: 100 * MIB },
    ])
    .concat([{ type: 'plan-finished' }])
    .concat([
      { type: 'bytes-moved', bytes: 0, atMs: 0 },
      { type: 'bytes-moved', bytes: 12 * 34 * MIB, atMs: 10_000 },
    ])
    .reduce(advance, emptyTally());
}

/** A terminal that remembers what was written, and frames that are drawn when told. */
function terminal(size = { columns: 80, rows: 24 }) {
  const chunks: string[] = [];
  const frames = new Set<() => void>();
  const every: Every = (_intervalMs, tick) => {
    frames.add(tick);
    return () => frames.delete(tick);
  };
  let tally = emptyTally();
  const drawn = createBars({
    stream: { write: (text: string) => chunks.push(text) },
    tally: () => tally,
    columns: () => size.columns,
    rows: () => size.rows,
    verbose: false,
    colour: false,
    every,
  });
  const bars: Bars = {
    ...drawn,
    handle(event) {
      tally = advance(tally, event);
      drawn.handle(event);
    },
  };
  return {
    bars,
    size,
    frames,
    frame: () => frames.forEach((draw) => draw()),
    take: () => chunks.splice(0).join(''),
  };
}

describe('bar rows', () => {
  for (const columns of [1, 10, 40, 80, 200]) {
    it(`fit a terminal of ${columns} columns, whatever the names`, () => {
      for (const row of barRows(inFlight(12), { columns, rows: 24 })) {
        assert.ok(cellWidth(row) < Math.max(2, columns), row);
        assert.doesNotMatch(row, /[\x00-\x1f]/);
      }
    });
  }

  for (const columns of [40, 80, 200]) {
    it(`tell percent, bytes, rate and time left of the whole in ${columns} columns`, () => {
      const rows = barRows(inFlight(12), { columns, rows: 24 });
      const total = rows.slice(12).join(' ');
      assert.match(total, /34%.*0\/12 files.*408 MiB\/1\.17 GiB.*[\d.]+ MiB\/s.*ETA \d+s/);
    });
  }

  for (const rows of [1, 2, 5, 10, 24]) {
    it(`are fewer than ${rows} or one, and count the files that are not shown`, () => {
      const drawn = barRows(inFlight(64), { columns: 200, rows });
      assert.ok(drawn.length <= Math.max(1, rows - 1));
      assert.match(drawn.at(-1) ?? '', new RegExp(`\\+${64 - (drawn.length - 1)} not shown`));
    });
  }

  it('show no percent beyond what is stored: 99.9 % is not 100 %', () => {
    const tally = [
      started('a'),
      { type: 'job-progress', id: job('a').id, path: 'a', bytesStored: 999, size: 1000 } as never,
    ].reduce((before, event) => advance(before, event), emptyTally());
    assert.match(barRows(tally, { columns: 80, rows: 24 })[0] ?? '', / 99%/);
  });
});

describe('bars', () => {
  it('hide the cursor while they work and give it and the line wrap back at the end', () => {
    const { bars, take } = terminal();
    bars.handle(runStarted);
    assert.ok(take().includes('\x1b[?25l'));
    bars.stop?.();
    const last = take();
    assert.ok(last.includes('\x1b[?25h') && last.includes('\x1b[?7h'));
  });

  it('hide without hiding lines, and begin a new block when they are shown again', () => {
    const { bars, frame, frames, take } = terminal();
    bars.handle(runStarted);
    bars.hide();
    assert.ok(take().endsWith('\x1b[0J'));
    bars.handle({ type: 'warning', message: 'in between' });
    frame();
    assert.match(take(), /^[^\x1b]*in between\n$/);
    bars.show();
    bars.show();
    assert.ok(take().startsWith('\x1b[?25l'));
    assert.equal(frames.size, 1);
    bars.stop?.();
    take();
    bars.show();
    assert.equal(take(), '');
  });

  it('scroll settled files above the bars, in one write a frame', () => {
    const { bars, frame, take } = terminal();
    bars.handle(runStarted);
    bars.handle(started('a.mp4'));
    frame();
    take();
    bars.handle({ type: 'job-settled', outcome: uploaded('a.mp4') });
    assert.equal(take(), '');
    frame();
    const drawn = take();
    assert.ok(drawn.indexOf('uploaded    a.mp4') < drawn.indexOf('files'));
  });

  it('say what was not drawn yet before they go', () => {
    const { bars, take } = terminal();
    bars.handle(runStarted);
    bars.handle({ type: 'warning', message: 'at the last moment' });
    bars.stop?.();
    assert.ok(take().includes('warning: at the last moment'));
  });

  it('draw nothing when nothing changed', () => {
    const { bars, frame, take } = terminal();
    bars.handle(runStarted);
    bars.handle(started('a'));
    frame();
    take();
    frame();
    assert.equal(take(), '');
  });

  it('begin where the rows have wrapped to when the terminal becomes narrower', () => {
    const { bars, size, frame, take } = terminal();
    bars.handle(runStarted);
    bars.handle(started('a'));
    bars.handle(started('b'));
    frame();
    take();
    size.columns = 40;
    frame();
    // Three rows of up to 79 cells have become six.
    assert.ok(take().startsWith('\x1b[3A'));
  });

  it('keep no process alive', () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const { columns, rows } = { columns: 80, rows: 24 };
    const bars = createBars({
      stream: { write: () => true },
      tally: emptyTally,
      columns: () => columns,
      rows: () => rows,
      verbose: false,
      colour: false,
    });
    bars.handle(runStarted);
    const during = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    bars.stop?.();
    assert.equal(during, before);
  });
});
