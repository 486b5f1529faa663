import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UploadEvent } from '../../src/core/events.js';
import type { JobId } from '../../src/core/ids.js';
import type { Outcome, Summary } from '../../src/core/model.js';
import { createJsonLines } from '../../src/report/json.js';
import { createLines } from '../../src/report/lines.js';
import { stateText } from '../../src/report/progress-text.js';
import { createQuiet } from '../../src/report/quiet.js';
import type { Every, Reporter } from '../../src/report/reporter.js';
import { createResults } from '../../src/report/results.js';
import { collectFailure, failuresText, summaryText } from '../../src/report/summary-text.js';
import type { Failures } from '../../src/report/summary-text.js';
import { advance, emptyTally } from '../../src/report/tally.js';
import { everyOutcome, failed, job, receipt, uploaded } from '../helpers/outcomes.js';

const EVIL = 'a\x1b[2J\r\n5285\tforged\u202e.mp4';

const nothing: Summary = {
  total: 0,
  uploaded: 0,
  skipped: 0,
  failed: 0,
  interrupted: 0,
  unknown: 0,
  bytes: 0,
  bytesSent: 0,
};
const runStarted: UploadEvent = { type: 'run-started', runId: 'r', startedAt: new Date(0) };

function runFinished(summary: Partial<Summary>): UploadEvent {
  return {
    type: 'run-finished',
    summary: { ...nothing, ...summary },
    exitCode: 0,
    durationMs: 2000,
  };
}

function settled(outcome: Outcome): UploadEvent {
  return { type: 'job-settled', outcome };
}

/** A world of text: a stream that is remembered and a clock that is set by hand. */
function world() {
  const chunks: string[] = [];
  let nowMs = 0;
  let tally = emptyTally();
  const ticks = new Set<() => void>();
  const every: Every = (_intervalMs, tick) => {
    ticks.add(tick);
    return () => ticks.delete(tick);
  };
  return {
    stream: { write: (text: string) => chunks.push(text) },
    now: () => new Date(nowMs),
    every,
    tally: () => tally,
    /** The same reporter, of events that are counted before. */
    counting: (reporter: Reporter): Reporter => ({
      handle(event) {
        tally = advance(tally, event);
        reporter.handle(event);
      },
    }),
    ticks,
    at: (ms: number) => (nowMs = ms),
    text: () => chunks.join(''),
    lines: () => chunks.join('').split('\n').slice(0, -1),
  };
}

function tell(reporter: Reporter, events: readonly UploadEvent[]): void {
  for (const event of events) reporter.handle(event);
}

const retried: UploadEvent = {
  type: 'job-retried',
  id: 'x' as JobId,
  path: EVIL,
  stage: 'upload-media',
  code: 'throttled',
  message: 'slow\ndown',
  attempt: 2,
  waitMs: 1300,
};
const all: readonly UploadEvent[] = [
  runStarted,
  { type: 'job-planned', size: 10 },
  { type: 'job-started', id: 'x' as JobId, path: EVIL, size: 10 },
  { type: 'job-progress', id: 'x' as JobId, path: EVIL, bytesStored: 5, size: 10 },
  retried,
  { type: 'warning', message: `odd name ${EVIL}` },
  { type: 'note', message: `noted ${EVIL}` },
  ...everyOutcome().map(settled),
  settled(uploaded(EVIL)),
  settled(failed(EVIL, 'network', 'bad\x1b[31m\nanswer')),
  runFinished({ total: 2, uploaded: 1, failed: 1 }),
];

describe('lines', () => {
  it('write no escape, no carriage return and no forged line, whatever names and services say', () => {
    const { stream, tally, every, text, lines } = world();
    tell(createLines({ stream, tally, every, verbose: true }), all);
    assert.doesNotMatch(text(), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.equal(lines().filter((line) => line.includes('forged')).length, 6);
  });

  it('write no command of a pipeline for a file named like one, listed or not', () => {
    const paths = ['::add-mask::a.mp4', ' ::error::b.mp4', '##[error]c.mp4', 'd##vso[x]d.mp4'];
    const outcomes = paths.map((path) => failed(path, 'network', 'lost'));
    const { stream, tally, every, lines } = world();
    tell(createLines({ stream, tally, every, verbose: true }), outcomes.map(settled));
    const listed = failuresText(outcomes.reduce<Failures>(collectFailure, new Map()));
    for (const line of [...lines(), ...listed]) assert.doesNotMatch(line, /^\s*::|##\[|##vso\[/);
  });

  it('tell one line a settled file, with what is needed to act on a failure', () => {
    const { stream, tally, every, lines } = world();
    const facts = { stage: 'commit', serviceCode: 'InternalError', requestId: 'q1' } as const;
    tell(createLines({ stream, tally, every, verbose: false }), [
      settled(uploaded('a.mp4', 2 ** 20)),
      settled({
        status: 'skipped',
        path: 'b.mp4',
        reason: 'already-uploaded',
        receipt: receipt(),
      }),
      settled(failed('c.mp4', 'service-unavailable', 'answered 500', facts)),
    ]);
    assert.deepEqual(lines(), [
      'uploaded    a.mp4  1.00 MiB in 1.0s (1.00 MiB/s)',
      'skipped     b.mp4  already-uploaded as 5285890784273533167',
      'failed      c.mp4  service-unavailable: answered 500 (commit, InternalError, request id q1). ' +
        'Run the same command again later: it goes on where it stopped.',
    ]);
  });

  it('keep notes and retries to themselves unless asked', () => {
    const { stream, tally, every, text } = world();
    tell(createLines({ stream, tally, every, verbose: false }), [
      retried,
      { type: 'note', message: 'x' },
    ]);
    assert.equal(text(), '');
  });

  it('give a sign of life a minute until the run ends', () => {
    const { stream, tally, counting, every, ticks, lines } = world();
    const reporter = counting(createLines({ stream, tally, every, verbose: false }));
    tell(reporter, [runStarted, { type: 'job-planned', size: 2000 }, { type: 'plan-finished' }]);
    tell(reporter, [
      { type: 'job-started', id: job('a').id, path: 'a', size: 2000 },
      { type: 'job-progress', id: job('a').id, path: 'a', bytesStored: 0, size: 2000 },
    ]);
    tell(reporter, [
      { type: 'bytes-moved', bytes: 0, atMs: 0 },
      { type: 'job-progress', id: job('a').id, path: 'a', bytesStored: 1000, size: 2000 },
      { type: 'bytes-moved', bytes: 1000, atMs: 10_000 },
    ]);
    ticks.forEach((tick) => tick());
    assert.deepEqual(lines(), [
      '0 of 1 files, 0.98 KiB of 1.95 KiB (50%), 100 B/s, about 10s left',
    ]);
    tell(reporter, [runFinished({})]);
    assert.equal(ticks.size, 0);
  });
});

describe('quiet', () => {
  it('says nothing as long as nothing failed', () => {
    const { stream, text } = world();
    tell(createQuiet({ stream }), [
      runStarted,
      retried,
      { type: 'warning', message: 'w' },
      settled(uploaded('a')),
      runFinished({ total: 1, uploaded: 1 }),
    ]);
    assert.equal(text(), '');
  });

  it('tells what failed, and then the summary', () => {
    const { stream, lines } = world();
    tell(createQuiet({ stream }), [
      settled(uploaded('a')),
      settled(failed('b.mp4')),
      runFinished({ total: 2, uploaded: 1, failed: 1 }),
    ]);
    assert.equal(lines().length, 2);
    assert.match(lines()[0] ?? '', /^failed {6}b\.mp4 {2}network: /);
    assert.equal(lines()[1], '1 uploaded, 1 failed · nothing sent in 2.0s');
  });
});

describe('results', () => {
  it('are FileId, tab and path of every media that the service has', () => {
    const { stream, lines } = world();
    tell(createResults({ stream }), everyOutcome().map(settled));
    assert.deepEqual(lines(), ['5285890784273533167\ta.mp4', '5285890784273533167\tb.mp4']);
  });

  it('stay one line a media, even when its name holds line breaks and tabs', () => {
    const { stream, lines } = world();
    tell(createResults({ stream }), [settled(uploaded(EVIL))]);
    assert.equal(lines().length, 1);
    assert.equal(lines()[0]?.split('\t').length, 2);
  });
});

describe('json lines', () => {
  function progressAt(id: string, bytesStored: number): UploadEvent {
    return { type: 'job-progress', id: id as JobId, path: id, bytesStored, size: 100 };
  }

  it('tell the progress of a job at most once a second, and each job for itself', () => {
    const { stream, now, at, lines } = world();
    const reporter = createJsonLines({ stream, now, toRecord: () => ({}) });
    for (let ms = 0; ms <= 2000; ms += 100) {
      at(ms);
      tell(reporter, [progressAt('a', ms / 20), progressAt('b', 1)]);
    }
    const told = lines().map((line) => JSON.parse(line) as { id: string; bytesStored: number });
    assert.deepEqual(
      told.filter(({ id }) => id === 'a').map(({ bytesStored }) => bytesStored),
      [0, 50, 100],
    );
    assert.equal(told.filter(({ id }) => id === 'b').length, 3);
  });

  it('tell progress also after the clock was set back', () => {
    const { stream, now, at, lines } = world();
    const reporter = createJsonLines({ stream, now, toRecord: () => ({}) });
    for (const ms of [3_600_000, 1000, 1500, 2000]) {
      at(ms);
      tell(reporter, [progressAt('a', 1)]);
    }
    assert.equal(lines().length, 3);
  });

  it('hold type, time and schema in every event, and no event that is not documented', () => {
    const { stream, now, lines } = world();
    tell(createJsonLines({ stream, now, toRecord: ({ status }) => ({ status }) }), all);
    const told = lines().map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const event of told) {
      assert.deepEqual(Object.keys(event).slice(0, 3), ['type', 'time', 'schema']);
      assert.equal(event['schema'], 1);
      assert.equal(event['time'], '1970-01-01T00:00:00.000Z');
    }
    assert.deepEqual([...new Set(told.map((event) => event['type']))].sort(), [
      'job-progress',
      'job-retried',
      'job-settled',
      'job-started',
      'run-finished',
      'run-started',
    ]);
  });

  it('are pure one-line JSON, and the path comes back exactly', () => {
    const path = 'a\u2028b\u2029\ud800\n##[error]##vso[x].mp4';
    const { stream, now, text, lines } = world();
    const started: UploadEvent = { type: 'job-started', id: 'x' as JobId, path, size: 1 };
    tell(createJsonLines({ stream, now, toRecord: () => ({}) }), [started]);
    assert.doesNotMatch(text(), /[\u2028\u2029]|\p{Cs}|##/u);
    assert.equal((JSON.parse(lines()[0] ?? '') as { path: string }).path, path);
  });
});

describe('summary', () => {
  it('names what there is and leaves out what there is not', () => {
    const summary = { ...nothing, total: 15, uploaded: 12, skipped: 1, failed: 2 };
    assert.equal(
      summaryText({ ...summary, bytesSent: 1.2 * 2 ** 30 }, 40_000),
      '12 uploaded, 1 skipped, 2 failed · 1.20 GiB sent in 40s (30.7 MiB/s)',
    );
    assert.equal(summaryText(nothing, 10), 'no files · nothing sent in 10ms');
  });

  it('groups failures by code, each hint once, and lists ten of however many', () => {
    let failures: Failures = new Map();
    for (let file = 0; file < 1000; file++) {
      failures = collectFailure(failures, failed(`f${file}`));
      failures = collectFailure(failures, failed(`m${file}`, 'source-missing', 'not there'));
    }
    const lines = failuresText(failures, 'out.json');
    assert.equal(lines.filter((line) => /^ {2}[fm]\d/.test(line)).length, 10);
    assert.equal(lines.filter((line) => line === '  and 995 more: see out.json').length, 2);
    assert.equal(lines.filter((line) => line.includes('Check the network')).length, 1);
    assert.match(lines[0] ?? '', /^network \(1000 files\): /);
  });

  it('lists a URL without its secrets', () => {
    const outcome = failed('https://u:pw@h/a.mp4?token=t', 'source-missing', 'it is a URL');
    const [, listed] = failuresText(collectFailure(new Map(), outcome));
    assert.equal(listed, '  https://h/a.mp4: it is a URL');
  });

  it('gives each failure of a code the hint of its own', () => {
    const own = failed('pipe.mp4', 'source-invalid', 'not a regular file', {
      hint: 'Leave it out.',
    });
    const outcomes = [
      failed('a.mp4', 'source-invalid', 'bad name', { hint: 'Rename it.' }),
      own,
      own,
    ];
    const lines = failuresText(outcomes.reduce(collectFailure, new Map() as Failures));
    assert.deepEqual(
      lines.filter((line) => !line.startsWith(' ')),
      ['source-invalid (1 file): Rename it.', 'source-invalid (2 files): Leave it out.'],
    );
  });
});

describe('state', () => {
  it('tells the run and every file in flight, a line each', () => {
    const tally = [
      { type: 'job-started', id: 'x' as JobId, path: EVIL, size: 10 } as const,
      { type: 'job-progress', id: 'x' as JobId, path: EVIL, bytesStored: 5, size: 10 } as const,
    ].reduce((before, event) => advance(before, event), emptyTally());
    assert.deepEqual(stateText(tally), [
      '0 of 1+ files, 5 B of 10 B (50%)',
      '  a\\x1b[2J\\r\\n5285\\tforged\\u202e.mp4: 5/10 B (50%)',
    ]);
  });
});
