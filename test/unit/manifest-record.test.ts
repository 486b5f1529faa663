import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { eventsSchema, manifestSchema } from '../../src/manifest/schema.js';
import { toRecord } from '../../src/manifest/record.js';
import { createJsonLines } from '../../src/report/json.js';
import type { UploadEvent } from '../../src/core/events.js';
import type { JobId } from '../../src/core/ids.js';
import { effort, everyOutcome, failed, job, receipt, sourceFile } from '../helpers/outcomes.js';
import { schemaProblems as problems } from '../helpers/schema-problems.js';

const KEYS = (
  'path status reason size mtime crc64 fileId mediaUrl coverUrl name mediaType cover storage procedure ' +
  'task bytesSent bytesResumed attempts startedAt finishedAt durationMs requestIds error'
).split(' ');

describe('a manifest record', () => {
  for (const outcome of everyOutcome()) {
    const { path } = outcome;
    it(`has every documented key in the documented order: ${outcome.status} ${path}`, () => {
      assert.deepEqual(Object.keys(toRecord(outcome)), KEYS);
    });

    it(`is valid under the schema that ships: ${outcome.status} ${path}`, () => {
      const schema = manifestSchema.$defs.record;
      assert.deepEqual(problems(schema, toRecord(outcome), manifestSchema), []);
    });
  }

  it('says all that is known of an uploaded media', () => {
    const uploaded = everyOutcome()[0];
    assert.ok(uploaded);
    assert.deepEqual(toRecord(uploaded), {
      path: 'a.mp4',
      status: 'uploaded',
      reason: null,
      size: 1000,
      mtime: '2023-11-14T22:13:20.123Z',
      crc64: '11051210869376104954',
      fileId: '5285890784273533167',
      mediaUrl: 'http://example.com/a.mp4',
      coverUrl: 'http://example.com/a.jpg',
      name: 'a',
      mediaType: 'mp4',
      cover: { path: 'a.jpg', size: 1, crc64: '12' },
      storage: { bucket: 'bucket-125', region: 'ap-chongqing', path: '/dir/a.mp4' },
      procedure: 'P(1,1)',
      task: { id: null, status: null, subtasks: [] },
      bytesSent: 1001,
      bytesResumed: 0,
      attempts: 1,
      startedAt: '2024-01-01T00:00:00.000Z',
      finishedAt: '2024-01-01T00:00:01.000Z',
      durationMs: 1000,
      requestIds: { apply: 'apply-id', commit: 'commit-id' },
      error: null,
    });
  });

  it('keeps the FileId of a media that was uploaded before', () => {
    const record = toRecord({
      status: 'skipped',
      path: 'b.mp4',
      job: job('b.mp4'),
      reason: 'already-uploaded',
      receipt: receipt(),
    });
    assert.equal(record.fileId, '5285890784273533167');
    assert.equal(record.reason, 'already-uploaded');
    assert.equal(record.bytesSent, 0);
  });

  it('tells a failure by our code and hint, with the code of the service beside it', () => {
    const facts = { stage: 'apply', serviceCode: 'RequestLimitExceeded', requestId: 'q' } as const;
    assert.deepEqual(toRecord(failed('a', 'throttled', 'too many requests', facts)).error, {
      stage: 'apply',
      code: 'throttled',
      message: 'too many requests',
      hint: 'Run the same command again later, or lower --api-rate.',
      requestId: 'q',
      retryable: true,
      serviceCode: 'RequestLimitExceeded',
    });
  });

  it('places a failure without a job in the plan', () => {
    const failure = new UploadFailure('source-missing', 'gone');
    assert.equal(toRecord({ status: 'failed', path: 'x', failure }).error?.stage, 'plan');
  });

  it('has no duration below zero when the clock was set back', () => {
    const record = toRecord({
      status: 'interrupted',
      path: 'a',
      job: job('a'),
      effort: effort(0, -5000),
    });
    assert.equal(record.durationMs, 0);
  });

  it('has no mtime where the file system holds one that is no date', () => {
    const media = { ...sourceFile('a', 1), mtimeNs: 10n ** 30n };
    const record = toRecord({ status: 'interrupted', path: 'a', job: job('a', 1, { media }) });
    assert.equal(record.mtime, null);
  });
});

describe('the schema of the events', () => {
  function told(event: UploadEvent): unknown[] {
    const lines: unknown[] = [];
    const stream = { write: (text: string) => lines.push(JSON.parse(text)) };
    createJsonLines({ stream, now: () => new Date(0), toRecord }).handle(event);
    return lines;
  }

  it('leaves the fields of an event as they are where a job list has columns of their names', () => {
    const extra = { type: 'trailer', id: '17', time: '10:30', schema: 'v2', note: 'n' };
    const outcome = { status: 'interrupted', path: 'a', job: job('a', 1, { extra }) } as const;
    const own = { type: 'job-settled', time: '1970-01-01T00:00:00.000Z', schema: 1 };
    const id = outcome.job.id;
    assert.deepEqual(told({ type: 'job-settled', outcome }), [
      { ...toRecord(outcome), ...own, id, note: 'n' },
    ]);
  });

  const id = 'x' as JobId;
  const summary = {
    total: 1,
    uploaded: 1,
    skipped: 0,
    failed: 0,
    interrupted: 0,
    unknown: 0,
    bytes: 1,
    bytesSent: 1,
  };
  const events: readonly UploadEvent[] = [
    { type: 'run-started', runId: 'r', startedAt: new Date(0) },
    { type: 'job-started', id, path: 'a', size: 1 },
    { type: 'job-progress', id, path: 'a', bytesStored: 1, size: 1 },
    {
      type: 'job-retried',
      id,
      path: 'a',
      stage: 'apply',
      code: 'throttled',
      message: 'm',
      attempt: 1,
      waitMs: 0.5,
    },
    ...everyOutcome().map((outcome): UploadEvent => ({ type: 'job-settled', outcome })),
    { type: 'run-finished', summary, exitCode: 0, durationMs: 5 },
  ];
  for (const event of events) {
    it(`accepts ${event.type}${event.type === 'job-settled' ? ` ${event.outcome.status}` : ''}`, () => {
      const lines = told(event);
      assert.equal(lines.length, 1);
      assert.deepEqual(problems(eventsSchema, lines[0], eventsSchema), []);
    });
  }

  it('refuses an event without its schema number, and one of a type that is not documented', () => {
    const [line] = told({ type: 'job-started', id, path: 'a', size: 1 }) as object[];
    for (const wrong of [
      { ...line, schema: 2 },
      { ...line, type: 'note' },
      { ...line, size: '1' },
    ]) {
      assert.notDeepEqual(problems(eventsSchema, wrong, eventsSchema), []);
    }
  });
});

describe('the schema of the manifest', () => {
  it('accepts a whole manifest and refuses one with a number for a FileId', () => {
    const record = toRecord(everyOutcome()[0] as never);
    const manifest = {
      schema: 1,
      tool: { name: 'vod-upload', version: '1.0.0' },
      runId: 'r',
      startedAt: '2024-01-01T00:00:00.000Z',
      options: { concurrency: 4 },
      results: [record],
      finishedAt: '2024-01-01T00:00:01.000Z',
      durationMs: 1000,
      exitCode: 0,
      summary: {
        total: 1,
        uploaded: 1,
        skipped: 0,
        failed: 0,
        interrupted: 0,
        unknown: 0,
        bytes: 1000,
        bytesSent: 1000,
      },
    };
    assert.deepEqual(problems(manifestSchema, manifest, manifestSchema), []);
    const wrong = { ...manifest, results: [{ ...record, fileId: 5285890784273533000 }] };
    assert.deepEqual(problems(manifestSchema, wrong, manifestSchema), [
      '$.results[0].fileId is no string,null',
    ]);
  });
});
