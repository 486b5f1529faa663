import { UploadFailure } from '../core/errors.js';
import type { KeyedSession, Session } from '../core/model.js';
import type { Committed } from '../core/ports.js';
import { note } from './messages.js';
import type { JobUpload } from './sending.js';

const ASKING_REFUSED =
  'Grant this key vod:DescribeMediaInfos, which tells whether the media exists, then run the same command again.';

/**
 * Commits, and where the answer leaves open whether the media exists, asks for it before anything
 * else is done. Throws `commit-unknown` where that stays open. Where nothing can have been committed
 * the checkpoint is `assembled` again.
 */
export async function commit(
  upload: JobUpload,
  wasCommitting: boolean,
  signal: AbortSignal,
): Promise<Committed> {
  const { progress, checkpoint, ports } = upload;
  try {
    const session = withKey(checkpoint.session);
    return await ports.vod.commitUpload(session, progress.onRetry('commit'), signal);
  } catch (error) {
    if (!(error instanceof UploadFailure) || signal.aborted) throw error;
    const mayExist = error.facts.ambiguous === true || wasCommitting;
    if (!mayExist) await checkpoint.enter('assembled');
    if (!mayExist || error.rule.halts === 'run') throw error.at('commit');
    const message = `its commit may have happened, asking for the media: ${error.message}`;
    note(ports, progress.job, message);
    return await reconcile(error, upload, signal);
  }
}

/** Throws `session-expired` where the key is lost: what it granted is as over as if it had expired. */
function withKey({ sessionKey, ...session }: Session): KeyedSession {
  if (sessionKey !== undefined) return { ...session, sessionKey };
  throw new UploadFailure('session-expired', 'the journal has lost the key of its session');
}

/** Asks for the media of a commit that failed with `error` and may have happened all the same. */
async function reconcile(
  error: UploadFailure,
  { progress, checkpoint: { session }, ports }: JobUpload,
  signal: AbortSignal,
): Promise<Committed> {
  let found: Committed | undefined;
  try {
    const { job, onRetry } = progress;
    found = await ports.vod.findMedia(session, job.request, onRetry('commit'), signal);
  } catch (cause) {
    if (!(cause instanceof UploadFailure) || signal.aborted) throw cause;
    throw unknownCommit(error, cause, session);
  }
  if (found !== undefined) return found;
  // A session that was good when its commit got lost, or should be good now, may have ended by that
  // commit: a media that is not shown yet must not be uploaded again.
  const wasGood = error.facts.ambiguous === true || ports.now() < session.expiresAt;
  throw wasGood && error.rule.retry === 'session'
    ? unknownCommit(error, error, session)
    : error.at('commit');
}

function unknownCommit(
  { message, facts, rule }: UploadFailure,
  cause: UploadFailure,
  session: Session,
): UploadFailure {
  const hint =
    cause.code === 'permission-denied'
      ? ASKING_REFUSED
      : cause.code === 'commit-unknown' && rule.retry === 'session'
        ? lookForIt(session)
        : undefined;
  const reason = cause.message === message ? '' : `; ${cause.message}`;
  return new UploadFailure('commit-unknown', `the commit may have happened: ${message}${reason}`, {
    ...facts,
    stage: 'commit',
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Only where the session is refused: one that is good may still be committed, by `jobs resume` as well. */
function lookForIt({ mediaKey }: Session): string {
  return `Look for the media at /${mediaKey} in the VOD console; where there is none, touch the file and run the same command again.`;
}
