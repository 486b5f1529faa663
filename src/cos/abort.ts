import { UploadFailure } from '../core/errors.js';
import type { UploadId } from '../core/ids.js';
import type { Cos, ObjectTarget } from '../core/ports.js';
import type { MultipartRequests } from './multipart-requests.js';
import type { Repeat } from './repeat.js';

/** Aborts an upload, and whatever else was begun of its key. */
export function createAbort(requests: MultipartRequests, repeat: Repeat): Cos['abort'] {
  return async (target, uploadId, signal) => {
    let hindrance: UploadFailure | undefined;
    /** What hinders one of them keeps no other from being aborted. */
    async function tried<T>(work: (domain: string) => Promise<T>): Promise<T | undefined> {
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
    const begun = await tried((domain) =>
      uploadId === undefined
        ? requests.findUploads(target, domain, signal)
        : findBegun(requests, target, domain, signal),
    );
    const known = uploadId === undefined ? [] : [uploadId];
    for (const id of new Set([...known, ...(begun ?? [])])) {
      await tried((domain) => requests.abort(target, id, domain, signal));
    }
    return hindrance;
  };
}

/** Uploads of this key that were begun, oldest first; none where they may not be listed. */
export async function findBegun(
  requests: MultipartRequests,
  target: ObjectTarget,
  domain: string,
  signal: AbortSignal,
): Promise<readonly UploadId[]> {
  try {
    return await requests.findUploads(target, domain, signal);
  } catch (error) {
    if (error instanceof UploadFailure && error.code === 'permission-denied') return [];
    throw error;
  }
}
