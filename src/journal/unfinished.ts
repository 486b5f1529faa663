import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import { dropAdditions, withAdditions } from './additions.js';
import {
  contentKeyOf,
  formatJob,
  haveSameCoverAndSegments,
  parseCheckpoint,
  parseJob,
  sourceKeyOf,
} from './records.js';
import type { CheckpointRecord } from './records.js';
import type { Tables } from './tables.js';

/** An unfinished job as the database knows it. */
export interface UnfinishedRecord {
  readonly job: Job;
  readonly checkpoint: CheckpointRecord;
  /** What was added to the checkpoint since it was written whole; it is in there. */
  readonly additions: number;
}

export function readUnfinished(tables: Tables, id: JobId): UnfinishedRecord | undefined {
  const written = parseCheckpoint(tables.checkpoints.get(id));
  const job = written && parseJob(tables.jobs.get(id));
  return written && job && { job, ...withAdditions(tables, id, written) };
}

/** Writes the job down, and what leads to it: its path and, where that is known, its content. */
export function putJob(tables: Tables, job: Job): void {
  tables.jobs.put(job.id, formatJob(job));
  for (const key of keysOf(job)) tables.sources.put(key, job.id);
}

/** That there are no additions may be known. */
export function dropUnfinished(tables: Tables, id: JobId, additions?: number): void {
  const job = parseJob(tables.jobs.get(id));
  for (const key of job ? keysOf(job) : []) {
    if (tables.sources.get(key) === id) tables.sources.remove(key);
  }
  if (additions !== 0) dropAdditions(tables, id);
  tables.checkpoints.remove(id);
  tables.jobs.remove(id);
}

function keysOf(job: Job): string[] {
  const contentKey = contentKeyOf(job, job.crc64);
  return [sourceKeyOf(job), ...(contentKey === undefined ? [] : [contentKey])];
}

/**
 * Whether the bytes of the session are of use. A commit that may have happened is always gone on
 * with: to begin anew would make a second media.
 */
export function mayContinue(
  { checkpoint, ...own }: UnfinishedRecord,
  job: Job,
  resume: boolean,
): boolean {
  if (checkpoint.phase === 'committing') return true;
  return resume && haveSameCoverAndSegments(own.job, job) && !hasOtherContent(checkpoint, job);
}

/**
 * The job as its session was begun. What is still to be sent has the files of now, which are the same;
 * a commit that may have happened was for those of then. What a job list says of it now counts.
 */
export function begunAs({ job: begun, checkpoint }: UnfinishedRecord, job: Job): Job {
  return checkpoint.phase === 'committing'
    ? { ...job, ...begun, id: job.id, media: job.media, ...(job.extra && { extra: job.extra }) }
    : { ...job, request: begun.request };
}

/** Whether what is whole in the bucket is not what the file holds now. */
function hasOtherContent({ session, objects }: CheckpointRecord, job: Job): boolean {
  const stored = objects.find(({ key }) => key === session.mediaKey)?.stored?.crc64;
  return stored !== undefined && job.crc64 !== undefined && stored !== job.crc64;
}
