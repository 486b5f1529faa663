import type { JobId } from '../core/ids.js';
import type { Checkpoint } from '../core/model.js';
import { isExpired } from './expiry.js';
import type { Moment } from './expiry.js';
import type { SecretsPlace, SessionFiles } from './session-files.js';
import type { UnfinishedRecord } from './unfinished.js';

/** A checkpoint made whole: the database holds it without its secrets. */
export interface Loaded {
  readonly id: JobId;
  readonly place: SecretsPlace;
  readonly checkpoint: Checkpoint;
}

/**
 * The checkpoint with its secrets; undefined where it is of no use any more. One whose commit may have
 * happened comes without those that are lost.
 */
export async function loadSecrets(
  { job, checkpoint }: UnfinishedRecord,
  files: SessionFiles,
  moment: Moment,
): Promise<Loaded | undefined> {
  if (isExpired(checkpoint, moment)) return undefined;
  const place = checkpoint.secrets;
  const secrets = await files.read(place);
  if (secrets === undefined && checkpoint.phase !== 'committing') return undefined;
  const session = { ...checkpoint.session, ...secrets };
  const { objects, phase } = checkpoint;
  return { id: job.id, place, checkpoint: { session, objects, phase } };
}
