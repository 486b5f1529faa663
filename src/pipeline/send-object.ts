import { UploadFailure, type Stage } from '../core/errors.js';
import type { JobObject, Part, Session, StoredPart } from '../core/model.js';
import type { UploadId } from '../core/ids.js';
import { cut } from '../core/parts.js';
import type { ListedPart, ObjectTarget, OpenSource, Ports, SlotLane } from '../core/ports.js';
import type { Attempt } from './attempt.js';
import type { LiveCheckpoint } from './checkpoint.js';
import { together } from './together.js';

/** What sending one object needs to know. */
export interface Sending {
  readonly attempt: Attempt;
  readonly checkpoint: LiveCheckpoint;
  /** The session was begun by an earlier run: the bucket may hold more than the journal knows. */
  readonly isRecalled: boolean;
  readonly lane: SlotLane;
  readonly ports: Ports;
}

export const STAGE_OF = {
  media: 'upload-media',
  cover: 'upload-cover',
  segment: 'upload-segment',
} as const satisfies Record<JobObject['role'], Stage>;

/** Brings one object into the bucket, whole and verified. Failures carry the stage. */
export async function sendObject(
  object: JobObject,
  sending: Sending,
  signal: AbortSignal,
): Promise<void> {
  const { checkpoint, attempt, ports } = sending;
  const known = checkpoint.object(object.key);
  if (known.stored) {
    countResumed(object, attempt, object.file.size);
    return;
  }
  try {
    const source = await ports.openFile(object.file);
    try {
      await (object.file.size <= known.partSize
        ? putWhole(object, source, sending, signal)
        : sendParts(object, source, sending, signal));
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!(error instanceof UploadFailure)) throw error;
    throw orExpired(error, checkpoint.session, ports).at(STAGE_OF[object.role]);
  }
}

/** What is refused with a certificate that is over is refused for that, whatever the answer says. */
function orExpired(failure: UploadFailure, { expiresAt }: Session, { now }: Ports): UploadFailure {
  const isRefused = failure.code === 'permission-denied' || failure.code === 'bad-credentials';
  return isRefused && now() >= expiresAt
    ? new UploadFailure('session-expired', failure.message, failure.facts)
    : failure;
}

async function putWhole(
  object: JobObject,
  source: OpenSource,
  { attempt, checkpoint, lane, ports }: Sending,
  signal: AbortSignal,
): Promise<void> {
  const stored = await lane.run(
    () =>
      ports.cos.put(
        targetOf(object, checkpoint.session),
        source,
        attempt.onRetry(STAGE_OF[object.role]),
        signal,
      ),
    signal,
  );
  checkpoint.keep(object.key, { stored });
  countSent(object, attempt, object.file.size);
}

async function sendParts(
  object: JobObject,
  source: OpenSource,
  sending: Sending,
  signal: AbortSignal,
): Promise<void> {
  const { attempt, checkpoint, ports, isRecalled } = sending;
  const target = targetOf(object, checkpoint.session);
  const onRetry = attempt.onRetry(STAGE_OF[object.role]);
  const known = checkpoint.object(object.key);
  let uploadId = known.uploadId;
  if (uploadId === undefined) {
    uploadId = await ports.cos.initiate(target, isRecalled, onRetry, signal);
    await checkpoint.update(object.key, { uploadId });
  }
  const listed = isRecalled ? await listParts(object, uploadId, sending, signal) : [];
  if (listed === undefined) {
    await takeForMerged(object, sending);
    return;
  }
  const parts = await sendMissing(object, source, uploadId, listed, sending, signal);
  await source.assertUnchanged();
  await checkpoint.update(object.key, { completing: true });
  const stored = await ports.cos.complete(
    target,
    uploadId,
    parts,
    known.completing === true,
    onRetry,
    signal,
  );
  await checkpoint.update(object.key, { stored });
}

/** Undefined where the upload is gone, or may have been merged and cannot be asked for any more. */
async function listParts(
  object: JobObject,
  uploadId: UploadId,
  { attempt, checkpoint, ports }: Sending,
  signal: AbortSignal,
): Promise<readonly ListedPart[] | undefined> {
  const onRetry = attempt.onRetry(STAGE_OF[object.role]);
  try {
    return await ports.cos.listParts(
      targetOf(object, checkpoint.session),
      uploadId,
      onRetry,
      signal,
    );
  } catch (error) {
    const isOver =
      error instanceof UploadFailure &&
      orExpired(error, checkpoint.session, ports).code === 'session-expired';
    if (isOver && checkpoint.object(object.key).completing === true) return undefined;
    throw error;
  }
}

/** An upload that is gone after a Complete was sent has been merged: commit is the arbiter. */
async function takeForMerged(object: JobObject, { attempt, checkpoint }: Sending): Promise<void> {
  if (checkpoint.object(object.key).completing !== true) {
    throw new UploadFailure('upload-gone', 'the service no longer knows the unfinished upload');
  }
  await checkpoint.update(object.key, { stored: {} });
  countResumed(object, attempt, object.file.size);
}

/**
 * Sends every part that the bucket does not hold, and reads the others again to see whether it
 * holds the same bytes: one after the other, while the connections are busy with what is missing.
 */
async function sendMissing(
  object: JobObject,
  source: OpenSource,
  uploadId: UploadId,
  listed: readonly ListedPart[],
  { attempt, checkpoint, lane, ports }: Sending,
  signal: AbortSignal,
): Promise<StoredPart[]> {
  const target = targetOf(object, checkpoint.session);
  const onRetry = attempt.onRetry(STAGE_OF[object.role]);
  const parts = [...cut(object.file.size, checkpoint.object(object.key).partSize)];
  const inBucket = new Map(listed.map((part) => [part.number, part]));
  let reading: Promise<unknown> = Promise.resolve();

  async function send(part: Part, linked: AbortSignal): Promise<StoredPart> {
    // After a failure no further part begins, but those under way may end: they are paid for.
    const stored = await lane.run(
      () => ports.cos.putPart(target, uploadId, part, source, onRetry, signal),
      linked,
    );
    countSent(object, attempt, part.end - part.start);
    return stored;
  }

  async function recognise(part: Part, held: ListedPart, linked: AbortSignal): Promise<StoredPart> {
    const before = reading;
    const recognised = before
      .catch(() => undefined)
      .then(() => ports.cos.recognise(held, part, source, linked));
    reading = recognised;
    const stored = await recognised;
    if (stored === undefined) return send(part, linked);
    countResumed(object, attempt, part.end - part.start);
    return stored;
  }

  return together(
    parts.map((part) => (linked) => {
      const held = inBucket.get(part.number);
      return held ? recognise(part, held, linked) : send(part, linked);
    }),
    signal,
  );
}

export function targetOf(
  { key }: { readonly key: string },
  { bucket, region, credentials }: Session,
): ObjectTarget {
  return { bucket, region, key, credentials };
}

function countSent(object: JobObject, attempt: Attempt, bytes: number): void {
  if (object.role !== 'cover') attempt.sent(bytes);
}

function countResumed(object: JobObject, attempt: Attempt, bytes: number): void {
  if (object.role !== 'cover') attempt.resumed(bytes);
}
