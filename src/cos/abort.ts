import { UploadFailure } from '../core/errors.js';
import type { UploadId } from '../core/ids.js';
import type { Cos, ObjectTarget } from '../core/ports.js';
import type { MultipartRequests } from './multipart-requests.js';
import type { Attempt, Repeat } from './repeat.js';

/** Aborts an upload, and whatever else was begun of its key. */
export function createAbort(requests: MultipartRequests, repeat: Repeat): Cos['abort'] {
  return async (target, uploadId, signal) => {
    let hindrance: UploadFailure | undefined;
    /** What hinders one of them keeps no other from being aborted. */
    async function tried<T>(work: (attempt: Attempt) => Promise<T>): Promise<T | undefined> {
      try {
        return await repeat(() => undefined, signal, work);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof UploadFailure)) throw error;
        if (error.code !== 'upload-gone') hindrance ??= error;
        return undefined;
      }
    }
    // An Initiate that nobody got the answer of, or got too late, has left an upload as well.
    const begun = await tried((attempt) =>
      uploadId === undefined
        ? requests.findUploads(target, attempt, signal)
        : findBegun(requests, target, attempt, signal),
    );
    const known = uploadId === undefined ? [] : [uploadId];
    for (const id of new Set([...known, ...(begun ?? [])])) {
      await tried((attempt) => requests.abort(target, id, attempt, signal));
    }
    return hindrance;
  };
}

/** Uploads of this key that were begun, oldest first; none where they may not be listed. */
export async function findBegun(
  requests: MultipartRequests,
  target: ObjectTarget,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<readonly UploadId[]> {
  try {
    return await requests.findUploads(target, attempt, signal);
  } catch (error) {
    if (error instanceof UploadFailure && error.code === 'permission-denied') return [];
    throw error;
  }
}
