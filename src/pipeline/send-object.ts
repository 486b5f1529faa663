import { UploadFailure, type Stage } from '../core/errors.js';
import type { JobObject, Part, StoredPart } from '../core/model.js';
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
    throw error instanceof UploadFailure ? error.at(STAGE_OF[object.role]) : error;
  }
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
        targetOf(object, checkpoint),
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
  const { attempt, checkpoint, lane, ports, isRecalled } = sending;
  const target = targetOf(object, checkpoint);
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
  const inBucket = new Map(listed.map((part) => [part.number, part]));
  const send = partSender(object, source, uploadId, sending);
  const parts = await together(
    [...cut(object.file.size, known.partSize)].map(
      (part) => (linked) => lane.run(() => send(part, inBucket.get(part.number), linked), linked),
    ),
    signal,
  );
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
    return await ports.cos.listParts(targetOf(object, checkpoint), uploadId, onRetry, signal);
  } catch (error) {
    const isOver = error instanceof UploadFailure && error.code === 'session-expired';
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

/** Sends a part, unless the bucket holds the same bytes already. */
function partSender(
  object: JobObject,
  source: OpenSource,
  uploadId: UploadId,
  { attempt, checkpoint, ports }: Sending,
) {
  const target = targetOf(object, checkpoint);
  const onRetry = attempt.onRetry(STAGE_OF[object.role]);
  return async (
    part: Part,
    listed: ListedPart | undefined,
    signal: AbortSignal,
  ): Promise<StoredPart> => {
    const size = part.end - part.start;
    const held = listed && (await ports.cos.recognise(listed, part, source, signal));
    if (held) {
      countResumed(object, attempt, size);
      return held;
    }
    const stored = await ports.cos.putPart(target, uploadId, part, source, onRetry, signal);
    countSent(object, attempt, size);
    return stored;
  };
}

export function targetOf(
  object: { readonly key: string },
  checkpoint: LiveCheckpoint,
): ObjectTarget {
  const { bucket, region, credentials } = checkpoint.session;
  return { bucket, region, key: object.key, credentials };
}

function countSent(object: JobObject, attempt: Attempt, bytes: number): void {
  if (object.role !== 'cover') attempt.sent(bytes);
}

function countResumed(object: JobObject, attempt: Attempt, bytes: number): void {
  if (object.role !== 'cover') attempt.resumed(bytes);
}
