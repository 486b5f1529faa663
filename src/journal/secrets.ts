import type { JobId } from '../core/ids.js';
import type { Checkpoint, Session, TemporaryCredentials } from '../core/model.js';
import type { Moment } from './moment.js';
import type { JournalOptions } from './open-journal.js';
import type { SecretsPlace, SessionFiles } from './session-files.js';
import { isExpired } from './sweep.js';
import type { UnfinishedRecord } from './unfinished.js';

/** Stands for a key that is not needed: a commit is signed by the account, no certificate has a part in it. */
export const NO_CREDENTIALS: TemporaryCredentials = { secretId: '', secretKey: '' };

type AccountKey = JournalOptions['accountKey'];

/** A checkpoint made whole: the database holds it without its secrets. */
export interface Loaded {
  readonly id: JobId;
  readonly place: SecretsPlace;
  readonly checkpoint: Checkpoint;
}

/** The checkpoint with its secrets; undefined where it is of no use any more. */
export async function loadSecrets(
  { job, checkpoint }: UnfinishedRecord,
  files: SessionFiles,
  moment: Moment,
  accountKey: AccountKey,
): Promise<Loaded | undefined> {
  if (isExpired(checkpoint, moment)) return undefined;
  const place = checkpoint.secrets;
  const secrets = await files.read(place);
  if (secrets === undefined) return undefined;
  const { sessionKey } = secrets;
  const credentials =
    secrets.credentials ??
    accountKey?.() ??
    (checkpoint.phase === 'sending' ? undefined : NO_CREDENTIALS);
  if (credentials === undefined) return undefined;
  const session: Session = { ...checkpoint.session, sessionKey, credentials };
  const { objects, phase } = checkpoint;
  return { id: job.id, place, checkpoint: { session, objects, phase } };
}

/** Whether these are no certificate but the account's own key, which is never stored. */
export function isAccountKey(
  { secretId, token }: TemporaryCredentials,
  accountKey: AccountKey,
): boolean {
  return token === undefined || secretId === accountKey?.()?.secretId;
}

export function haveSameSecrets(one: Session, other: Session): boolean {
  return (
    one.sessionKey === other.sessionKey &&
    one.credentials.secretId === other.credentials.secretId &&
    one.credentials.secretKey === other.credentials.secretKey &&
    one.credentials.token === other.credentials.token
  );
}
