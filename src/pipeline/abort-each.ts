import type { UploadFailure } from '../core/errors.js';
import type { Checkpoint, Job, ObjectCheckpoint } from '../core/model.js';
import type { Cos } from '../core/ports.js';
import { objectsOf } from './checkpoint.js';
import { targetOf } from './sending.js';

/** Aborts the uploads of a session that is given up, one after the other; tells why one of them may stay. */
export async function* abortEach(
  job: Job,
  checkpoint: Checkpoint,
  cos: Cos,
  signal: AbortSignal,
): AsyncGenerator<UploadFailure> {
  for (const object of abortable(job, checkpoint)) {
    const target = targetOf(object, checkpoint.session);
    const hindrance = await cos.abort(target, object.uploadId, signal);
    if (hindrance !== undefined) yield hindrance;
  }
}

/** COS will never abort it, whoever asks: to know of the upload is of no use any more. */
export function isRefusedForGood({ code }: UploadFailure): boolean {
  return code === 'session-expired' || code === 'permission-denied';
}

/** The objects that may have an upload: none that goes by one PUT or is whole. One that a Complete has merged is gone. */
function abortable(job: Job, { session, objects }: Checkpoint): readonly ObjectCheckpoint[] {
  const sizes = new Map(objectsOf(job, session).map(({ key, file }) => [key, file.size]));
  return objects.filter(({ key, uploadId, partSize, stored }) => {
    const isOnePut = uploadId === undefined && (sizes.get(key) ?? Infinity) <= partSize;
    return !stored && !isOnePut;
  });
}
