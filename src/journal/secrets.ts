import type { Checkpoint, Job } from '../core/model.js';
import { isExpired } from './expiry.js';
import type { Moment } from './expiry.js';
import type { SecretsPlace, SessionFiles } from './session-files.js';
import type { UnfinishedRecord } from './unfinished.js';

/** A checkpoint made whole: the database holds it without its secrets. */
export interface Loaded {
  readonly job: Job;
  readonly place: SecretsPlace;
  readonly checkpoint: Checkpoint;
  /** Nothing can be gone on with: it can only be aborted, where the service still allows that. */
  readonly isOver: boolean;
}

/**
 * The checkpoint with its secrets, unless those are lost: then its session is over, but for one whose
 * commit may have happened.
 */
export async function loadSecrets(
  { job, checkpoint }: UnfinishedRecord,
  files: SessionFiles,
  moment: Moment,
): Promise<Loaded> {
  const place = checkpoint.secrets;
  const secrets = await files.read(place);
  const session = { ...checkpoint.session, ...secrets };
  const { objects, phase } = checkpoint;
  const isLost = secrets === undefined && phase !== 'committing';
  const isOver = isLost || isExpired(checkpoint, moment);
  return { job, place, checkpoint: { session, objects, phase }, isOver };
}
