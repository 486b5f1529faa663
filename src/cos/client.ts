import { UploadFailure } from '../core/errors.js';
import type { Cos } from '../core/ports.js';
import { createAbort, findBegun } from './abort.js';
import { createComplete, createVerify } from './complete.js';
import { createMultipartRequests } from './multipart-requests.js';
import { writeObject } from './object-requests.js';
import type { CosOptions } from './options.js';
import { createBufferPool, wholeOf } from './part-body.js';
import { createRecognise } from './recognise.js';
import { createRepeat } from './repeat.js';

/** So many attempts may lose their connection before it is asked why. */
const PROBE_AFTER = 2;

/**
 * The COS port. Bytes take the product's own path (object-requests); the calls about multipart
 * uploads go through cos-nodejs-sdk-v5 (multipart-requests). Each is repeated here, and only here.
 */
export function createCos(options: CosOptions): Cos {
  const pool = createBufferPool();
  const requests = createMultipartRequests(options);
  const repeat = createRepeat(options);

  return {
    async put(target, source, onRetry, signal) {
      const { crc64 } = await repeat(onRetry, signal, (attempt) =>
        writeObject(options, pool, { target, attempt }, source, wholeOf(source), signal),
      );
      return crc64 === undefined ? {} : { crc64: crc64.toString() };
    },

    initiate(target, mayExist, onRetry, signal) {
      let mayBeBegun = mayExist;
      return repeat(onRetry, signal, async (attempt) => {
        mayBeBegun ||= attempt.previous?.facts.ambiguous === true;
        const begun = mayBeBegun ? await findBegun(requests, target, attempt, signal) : [];
        return begun.at(-1) ?? requests.initiate(target, attempt, signal);
      });
    },

    putPart: (target, uploadId, part, source, onRetry, signal) =>
      repeat(onRetry, signal, async (attempt) => {
        // A refusal in the middle of a body may be lost with the connection: a question without one tells.
        if (attempt.number > PROBE_AFTER && attempt.previous?.code === 'network')
          await requests.listParts(target, uploadId, attempt, signal);
        return writeObject(options, pool, { target, uploadId, attempt }, source, part, signal);
      }),

    async listParts(target, uploadId, onRetry, signal) {
      try {
        return await repeat(onRetry, signal, (attempt) =>
          requests.listParts(target, uploadId, attempt, signal),
        );
      } catch (error) {
        if (error instanceof UploadFailure && error.code === 'upload-gone') return undefined;
        throw error;
      }
    },

    recognise: createRecognise(options.verification, pool),
    complete: createComplete(options, requests, repeat),
    verify: createVerify(options, repeat, pool),
    abort: createAbort(requests, repeat),
  };
}
