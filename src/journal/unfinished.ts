import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import { parseCheckpoint, parseJob, sourceKeyOf } from './records.js';
import type { CheckpointRecord } from './records.js';
import type { Tables } from './store.js';

/** An unfinished job as the database knows it. */
export interface UnfinishedRecord {
  readonly job: Job;
  readonly checkpoint: CheckpointRecord;
}

export function readUnfinished(tables: Tables, id: JobId): UnfinishedRecord | undefined {
  const checkpoint = parseCheckpoint(tables.checkpoints.get(id));
  const job = parseJob(tables.jobs.get(id));
  return checkpoint && job && { job, checkpoint };
}

export function dropUnfinished(tables: Tables, id: JobId): void {
  const job = parseJob(tables.jobs.get(id));
  if (job !== undefined) {
    const key = sourceKeyOf(job);
    if (tables.sources.get(key) === id) tables.sources.remove(key);
  }
  tables.checkpoints.remove(id);
  tables.jobs.remove(id);
}
