import { UploadFailure } from '../core/errors.js';
import type { JobObject, Session } from '../core/model.js';
import type { UploadId } from '../core/ids.js';
import type { ListedPart, Source } from '../core/ports.js';
import { visible } from '../core/text.js';
import { sendMissing } from './missing-parts.js';
import type { Ports } from './ports.js';
import { countResumed, countSent, givingWay, stageOf, targetOf } from './sending.js';
import type { JobUpload, ObjectSending } from './sending.js';

/** Brings one object into the bucket, whole and verified. Failures carry the stage. */
export async function sendObject(
  object: JobObject,
  upload: JobUpload,
  signal: AbortSignal,
): Promise<void> {
  const { checkpoint, progress, ports } = upload;
  const { session } = checkpoint;
  const onRetry = progress.onRetry(stageOf(object));
  const sending = { ...upload, object, target: targetOf(object, session), onRetry };
  const known = checkpoint.object(object.key);
  if (known.stored) {
    countResumed(sending, object.file.size);
    return;
  }
  const source = ports.sourceOf(object.file);
  try {
    await (object.file.size <= known.partSize
      ? putWhole(source, sending, signal)
      : sendParts(source, sending, signal));
  } catch (error) {
    if (!(error instanceof UploadFailure)) throw error;
    throw ofSegment(orExpired(error, session, ports), object).at(stageOf(object));
  } finally {
    source.close();
  }
}

/** What is refused with a certificate that is over is refused for that, whatever the answer says. */
function orExpired(failure: UploadFailure, { expiresAt }: Session, { now }: Ports): UploadFailure {
  const isRefused = failure.code === 'permission-denied' || failure.code === 'bad-credentials';
  return isRefused && now() >= expiresAt ? failure.with({}, { code: 'session-expired' }) : failure;
}

function isExpiry(error: unknown, { checkpoint, ports }: JobUpload): error is UploadFailure {
  return (
    error instanceof UploadFailure &&
    orExpired(error, checkpoint.session, ports).code === 'session-expired'
  );
}

/** A job may have thousands of segments: a failure tells which one it was. */
function ofSegment(failure: UploadFailure, { role, file }: JobObject): UploadFailure {
  const shown = visible(file.path);
  if (role !== 'segment' || failure.message.includes(shown)) return failure;
  return failure.with({}, { message: `${shown}: ${failure.message}` });
}

async function putWhole(
  source: Source,
  sending: ObjectSending,
  signal: AbortSignal,
): Promise<void> {
  const { object, target, checkpoint, progress, ports, onRetry } = sending;
  const stored = await ports.slots.run(
    progress.remaining,
    (giveWay) => ports.cos.put(target, source, givingWay(onRetry, giveWay, signal), signal),
    signal,
  );
  checkpoint.keep(object.key, { stored });
  countSent(sending, object.file.size);
}

async function sendParts(
  source: Source,
  sending: ObjectSending,
  signal: AbortSignal,
): Promise<void> {
  const { object, target, checkpoint, ports, isRecalled, onRetry } = sending;
  const known = checkpoint.object(object.key);
  let uploadId = known.uploadId;
  if (uploadId === undefined) {
    uploadId = await ports.cos.initiate(target, isRecalled, onRetry, signal);
    await checkpoint.update(object.key, { uploadId });
  }
  const listed = isRecalled ? await listParts(uploadId, sending, signal) : [];
  if (listed === undefined) {
    await takeForMerged(source, sending, signal);
    return;
  }
  const parts = await sendMissing(source, uploadId, listed, sending, signal);
  await source.assertUnchanged(signal);
  await checkpoint.update(object.key, { completing: true });
  const stored = await ports.cos
    .complete(target, uploadId, parts, known.completing === true, onRetry, signal)
    .catch((error: unknown) => {
      // A certificate that ended after a Complete that may have worked.
      const isInDoubt = isExpiry(error, sending) && error.facts.ambiguous === true;
      if (isInDoubt && isCommitArbiter(object)) return {};
      throw error;
    });
  await checkpoint.update(object.key, { stored });
}

/** Undefined where the upload is gone, or that of the media may have been merged and cannot be asked for any more. */
async function listParts(
  uploadId: UploadId,
  sending: ObjectSending,
  signal: AbortSignal,
): Promise<readonly ListedPart[] | undefined> {
  const { object, target, checkpoint, ports, onRetry } = sending;
  try {
    return await ports.cos.listParts(target, uploadId, onRetry, signal);
  } catch (error) {
    const mayBeMerged = checkpoint.object(object.key).completing === true;
    if (mayBeMerged && isCommitArbiter(object) && isExpiry(error, sending)) return undefined;
    throw error;
  }
}

/** An upload that is gone after a Complete was sent has been merged where its object is there. */
async function takeForMerged(
  source: Source,
  sending: ObjectSending,
  signal: AbortSignal,
): Promise<void> {
  const { object, target, checkpoint, ports, onRetry } = sending;
  if (checkpoint.object(object.key).completing !== true) {
    throw new UploadFailure('upload-gone', 'the service no longer knows the unfinished upload');
  }
  const stored = await ports.cos.verify(target, source, onRetry, signal);
  if (stored === undefined && !isCommitArbiter(object)) {
    throw new UploadFailure('upload-gone', 'the service does not tell whether the object is there');
  }
  await checkpoint.update(object.key, { stored: stored ?? {} });
  countResumed(sending, object.file.size);
}

/** A commit fails without its media; for covers and segments it does not look. */
function isCommitArbiter({ role }: JobObject): boolean {
  return role === 'media';
}
