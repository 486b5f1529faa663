import { UploadFailure } from '../../core/errors.js';
import type { Checkpoint, Job } from '../../core/model.js';
import type { Claim, Cos } from '../../core/ports.js';
import { visible, visibleMessage } from '../../core/text.js';
import type { OpenJournal } from '../../journal/journal.js';
import { abortEach, isRefusedForGood } from '../../pipeline/abort-each.js';
import type { Run } from '../run-uploads.js';
import { connectServices } from '../services.js';
import type { World } from '../world.js';

/** What became of a job that was to be given up. */
type End = 'given-up' | 'kept' | 'held' | 'committing' | 'ended';

/** Gives up these jobs one after the other. */
export async function* giveUpAll(
  jobs: readonly Job[],
  journal: OpenJournal,
  { service, credentials, flags, world }: Run,
): AsyncGenerator<{ readonly job: Job; readonly end: End }> {
  const services = connectServices(service, credentials, flags);
  try {
    for (const job of jobs) {
      yield { job, end: await giveUp(job, journal, services.cos, world) };
    }
  } finally {
    services.close();
  }
}

/**
 * Aborts the uploads of a job and forgets it, unless they may be aborted later, or another run has it, or
 * has since it was listed ended it or come to its commit.
 */
async function giveUp(job: Job, journal: OpenJournal, cos: Cos, world: World): Promise<End> {
  const { id } = job;
  let claim: Claim | undefined;
  try {
    claim = await journal.claimUnfinished(id);
  } catch (error) {
    if (!(error instanceof UploadFailure)) throw error;
    const why = `${visibleMessage(error.message)}\n  ${error.hint}`;
    world.stderr.write(`${visible(job.media.path)}: the job stays: ${why}\n`);
    await journal.release(id);
    return 'kept';
  }
  if (claim === undefined) return 'ended';
  if (claim.kind !== 'ours') return 'held';
  const { checkpoint = claim.superseded?.checkpoint } = claim;
  let end: End = 'given-up';
  if (checkpoint?.phase === 'committing') end = 'committing';
  else if (checkpoint && !(await abortUploads(job, checkpoint, cos, world))) end = 'kept';
  if (end === 'given-up') await journal.forget(id);
  await journal.release(id);
  return end;
}

/** Resolves to false where something may stay that can be aborted later: only the journal knows of it. */
async function abortUploads(
  job: Job,
  checkpoint: Checkpoint,
  cos: Cos,
  { stderr }: World,
): Promise<boolean> {
  const { signal } = new AbortController();
  for await (const hindrance of abortEach(job, checkpoint, cos, signal)) {
    const what = `${visible(job.media.path)}: its upload could not be aborted`;
    const why = visibleMessage(hindrance.message);
    if (!isRefusedForGood(hindrance)) {
      stderr.write(`${what}, so the job stays: ${why}\n  ${hindrance.hint}\n`);
      return false;
    }
    stderr.write(`${what} and may stay stored: ${why}\n`);
  }
  return true;
}
