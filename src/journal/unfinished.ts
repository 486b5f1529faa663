import type { JobId } from '../core/ids.js';
import type { Job, SourceFile } from '../core/model.js';
import { dropAdditions, withAdditions } from './additions.js';
import { parseCheckpoint } from './checkpoint-record.js';
import type { CheckpointRecord } from './checkpoint-record.js';
import { DamagedRecord } from './fields.js';
import { parseJob } from './job-record.js';
import { sourceKeyOf } from './keys.js';
import type { SecretsPlace } from './session-files.js';
import type { Tables } from './tables.js';

/** An unfinished job as the database knows it. */
export interface UnfinishedRecord {
  readonly job: Job;
  readonly checkpoint: CheckpointRecord;
  /** What was added to the checkpoint since it was written whole; it is in there. */
  readonly additions: number;
}

/** Throws DamagedRecord where any of what is known of the job is damaged, or half of it is missing. */
export function readUnfinished(tables: Tables, id: JobId): UnfinishedRecord | undefined {
  const written = parseCheckpoint(tables.checkpoints.get(id));
  if (written === undefined) return undefined;
  const job = parseJob(tables.jobs.get(id));
  if (job === undefined) throw new DamagedRecord('a checkpoint has no job');
  return { job, ...withAdditions(tables, id, written) };
}

/** What saves a look at an unfinished job. */
interface Known {
  readonly sourceKey: string;
  readonly additions: number;
  /** Where its secrets are. */
  readonly secrets: SecretsPlace | undefined;
}

/** Drops an unfinished job unless another run has claimed it; returns where its secrets are. */
export function dropIfOurs(
  tables: Tables,
  id: JobId,
  runId: string,
  known?: Known,
): SecretsPlace | undefined {
  const claim = tables.claims.get(id);
  if (claim !== undefined && claim !== runId) return undefined;
  const { secrets } = known ?? readUnfinished(tables, id)?.checkpoint ?? {};
  dropUnfinished(tables, id, known);
  return secrets;
}

export function dropUnfinished(tables: Tables, id: JobId, known?: Known): void {
  const job = known === undefined ? parseJob(tables.jobs.get(id)) : undefined;
  const key = known?.sourceKey ?? (job && sourceKeyOf(job));
  if (known?.additions !== 0) dropAdditions(tables, id);
  if (key !== undefined && tables.sources.get(key) === id) tables.sources.remove(key);
  tables.checkpoints.remove(id);
  tables.jobs.remove(id);
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
  return resume && haveSameFiles(own.job, job) && !hasOtherContent(checkpoint, job);
}

/** Whether both jobs would put the same bytes under the same names: then parts can be shared. */
export function haveSameFiles(one: Job, other: Job): boolean {
  return filesOf(one) === filesOf(other);
}

function filesOf({ media, cover, segments }: Job): string {
  const versionOf = (file?: SourceFile) => file && [file.size, String(file.mtimeNs)];
  return JSON.stringify([
    versionOf(media),
    versionOf(cover) ?? null,
    segments.map((file) => [file.relativeKey, versionOf(file)]),
  ]);
}

/**
 * The job as its session was begun. What is still to be sent has the files of now, which are the same;
 * a commit that may have happened was for those of then. What a job list says of it now counts.
 */
export function begunAs({ job: begun, checkpoint }: UnfinishedRecord, job: Job): Job {
  return checkpoint.phase === 'committing'
    ? { ...job, ...begun, media: job.media, ...(job.extra && { extra: job.extra }) }
    : { ...job, request: begun.request };
}

/** Whether what is whole in the bucket is not what the file holds now. */
function hasOtherContent({ session, objects }: CheckpointRecord, job: Job): boolean {
  const stored = objects.find(({ key }) => key === session.mediaKey)?.stored?.crc64;
  return stored !== undefined && job.crc64 !== undefined && stored !== job.crc64;
}
