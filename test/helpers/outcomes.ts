import { UploadFailure } from '../../src/core/errors.js';
import type { FailureCode, FailureFacts } from '../../src/core/errors.js';
import type { FileId, JobId } from '../../src/core/ids.js';
import type { Effort, Job, Outcome, Receipt, SourceFile } from '../../src/core/model.js';

/** A file that was never on a disk. */
export function sourceFile(path: string, size: number): SourceFile {
  return { path, realPath: `/real/${path}`, size, mtimeNs: 1_700_000_000_123_456_789n, inode: 7n };
}

export function job(path: string, size = 1000, more: Partial<Job> = {}): Job {
  return {
    id: `id of ${path}` as JobId,
    media: sourceFile(path, size),
    segments: [],
    request: { mediaType: 'mp4', mediaName: 'a' },
    ...more,
  };
}

export function receipt(more: Partial<Receipt> = {}): Receipt {
  return {
    fileId: '5285890784273533167' as FileId,
    mediaUrl: 'http://example.com/a.mp4',
    coverUrl: null,
    storage: { bucket: 'bucket-125', region: 'ap-chongqing', path: '/dir/a.mp4' },
    crc64: '11051210869376104954',
    requestIds: { apply: 'apply-id', commit: 'commit-id' },
    ...more,
  };
}

export function effort(bytesSent: number, durationMs = 1000): Effort {
  const startedAt = new Date('2024-01-01T00:00:00.000Z');
  const finishedAt = new Date(+startedAt + durationMs);
  return { bytesSent, bytesResumed: 0, attempts: 1, startedAt, finishedAt };
}

export function uploaded(path: string, size = 1000): Outcome {
  return {
    status: 'uploaded',
    path,
    job: job(path, size),
    receipt: receipt(),
    effort: effort(size),
  };
}

export function failed(
  path: string,
  code: FailureCode = 'network',
  message = 'connection refused',
  facts: FailureFacts = {},
): Outcome {
  return {
    status: 'failed',
    path,
    job: job(path),
    failure: new UploadFailure(code, message, facts),
    effort: effort(0),
  };
}

/** One outcome of every kind that the product knows. */
export function everyOutcome(): Outcome[] {
  const failure = new UploadFailure('commit-unknown', 'no answer', { stage: 'commit' });
  const cover = sourceFile('a.jpg', 1);
  const whole = job('a.mp4', 1000, {
    cover,
    request: { mediaType: 'mp4', mediaName: 'a', procedure: 'P(1,1)' },
  });
  return [
    {
      status: 'uploaded',
      path: 'a.mp4',
      job: whole,
      receipt: receipt({ coverUrl: 'http://example.com/a.jpg', coverCrc64: '12' }),
      effort: effort(1001),
    },
    {
      status: 'skipped',
      path: 'b.mp4',
      job: job('b.mp4'),
      reason: 'already-uploaded',
      receipt: receipt(),
    },
    { status: 'skipped', path: 'c.mp4.part', size: 5, mtimeNs: 0n, reason: 'temporary-name' },
    { status: 'skipped', path: 'd.jpg', reason: 'unpaired-image' },
    failed('e.mp4', 'throttled', 'too many requests', {
      stage: 'apply',
      serviceCode: 'RequestLimitExceeded',
      requestId: 'req-1',
    }),
    { status: 'failed', path: 'gone.mp4', failure: new UploadFailure('source-missing', 'gone') },
    { status: 'unknown', path: 'f.mp4', job: job('f.mp4'), failure, effort: effort(1000) },
    { status: 'interrupted', path: 'g.mp4', job: job('g.mp4'), effort: effort(10) },
    { status: 'interrupted', path: 'h.mp4', job: job('h.mp4') },
  ];
}
