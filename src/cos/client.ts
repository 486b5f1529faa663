import { UploadFailure } from '../core/errors.js';
import type { StoredPart } from '../core/model.js';
import type { Cos } from '../core/ports.js';
import { createAbort, findBegun } from './abort.js';
import { compareWhole, createComplete, inspect } from './complete.js';
import { createMultipartRequests } from './multipart-requests.js';
import { writeObject } from './object-requests.js';
import type { CosOptions } from './options.js';
import { createBufferPool, digestRange } from './part-body.js';
import { createRepeat } from './repeat.js';

const ALL_DIGESTS = ['md5', 'crc64'] as const;
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
      const part = { number: 1, start: 0, end: source.file.size };
      const stored = await repeat(onRetry, signal, (domain) =>
        writeObject(
          options,
          pool,
          { operation: 'PutObject', target, query: {}, domain },
          source,
          part,
          signal,
        ),
      );
      return stored.crc64 === undefined ? {} : { crc64: stored.crc64.toString() };
    },

    initiate(target, mayExist, onRetry, signal) {
      let mayBeBegun = mayExist;
      return repeat(onRetry, signal, async (domain, previous) => {
        mayBeBegun ||= previous?.facts.ambiguous === true;
        const begun = mayBeBegun ? await findBegun(requests, target, domain, signal) : [];
        return begun.at(-1) ?? requests.initiate(target, domain, signal);
      });
    },

    putPart: (target, uploadId, part, source, onRetry, signal) =>
      repeat(onRetry, signal, async (domain, previous, number) => {
        // A refusal in the middle of a body may be lost with the connection: a question without one tells.
        if (number > PROBE_AFTER && previous?.code === 'network')
          await requests.listParts(target, uploadId, domain, signal);
        return writeObject(
          options,
          pool,
          {
            operation: 'UploadPart',
            target,
            query: { partNumber: String(part.number), uploadId },
            domain,
          },
          source,
          part,
          signal,
        );
      }),

    async listParts(target, uploadId, onRetry, signal) {
      try {
        return await repeat(onRetry, signal, (domain) =>
          requests.listParts(target, uploadId, domain, signal),
        );
      } catch (error) {
        if (error instanceof UploadFailure && error.code === 'upload-gone') return undefined;
        throw error;
      }
    },

    async recognise(listed, part, source, signal) {
      const size = part.end - part.start;
      if (listed.number !== part.number || listed.size !== size) return undefined;
      const kinds = options.verification === 'none' ? ['md5' as const] : ALL_DIGESTS;
      const { md5, crc64 } = await digestRange(source, part, kinds, pool, signal);
      if (listed.etag.replaceAll('"', '') !== md5) return undefined;
      return {
        number: part.number,
        size,
        etag: `"${md5}"` as StoredPart['etag'],
        ...(crc64 === undefined ? {} : { crc64 }),
      };
    },

    complete: createComplete(options, requests, repeat),

    async verify(target, source, onRetry, signal) {
      const head = await inspect(options, repeat, { target, onRetry, signal });
      if (head === 'untold') return undefined;
      const { size } = source.file;
      const isDigested = head.crc64 !== undefined && options.verification !== 'none';
      const whole = { number: 1, start: 0, end: size };
      const { crc64 } = isDigested ? await digestRange(source, whole, ['crc64'], pool, signal) : {};
      return compareWhole(head, size, crc64?.toString());
    },

    abort: createAbort(requests, repeat),
  };
}
