import { UploadFailure } from '../core/errors.js';
import type { UploadId } from '../core/ids.js';
import type { StoredPart } from '../core/model.js';
import type { Cos, ObjectTarget, OnRetry } from '../core/ports.js';
import { isSkewed } from '../net/clock.js';
import { sleep, withRetries } from '../net/retry.js';
import { combineCrc64 } from './crc64.js';
import { createDomains } from './host.js';
import { createMultipartRequests } from './multipart-requests.js';
import { headObject, writeObject } from './object-requests.js';
import type { CosOptions } from './options.js';
import { createChunkPool, digestRange } from './part-body.js';
import { createTroubleDetector } from './trouble.js';

/** After the merge is known to have happened but its answer was lost, so long until a HEAD sees it. */
const HEAD_TRIES = 3;
const HEAD_PAUSE_MS = 500;
const ALL_DIGESTS = ['md5', 'crc64'] as const;
/** So many attempts may lose their connection before it is asked why. */
const PROBE_AFTER = 2;

/**
 * The COS port. Bytes take the product's own path (object-requests); the calls about multipart
 * uploads go through cos-nodejs-sdk-v5 (multipart-requests). Each is repeated here, and only here.
 */
export function createCos(options: CosOptions): Cos {
  const domains = createDomains();
  const isTrouble = createTroubleDetector();
  const pool = createChunkPool();
  const requests = createMultipartRequests(options);

  /** Repeats `attempt`, on the other domain where this one stays silent. */
  function repeated<T>(
    onRetry: OnRetry,
    signal: AbortSignal,
    attempt: (domain: string, previous: UploadFailure | undefined, number: number) => Promise<T>,
  ): Promise<T> {
    return withRetries(
      async (number, previous) => {
        const domain = domains.current;
        const signedWithMs = options.clock.offsetMs;
        try {
          const result = await attempt(domain, previous, number);
          domains.answered(domain);
          return result;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof UploadFailure)) throw error;
          domains.failed(domain, error);
          if (isTrouble(error)) options.onTrouble?.();
          throw judgedByClock(error, signedWithMs);
        }
      },
      options.policy,
      onRetry,
      signal,
    );
  }

  /**
   * A request that was signed with a wrong clock is repeated at once with the service's time. One
   * that "has expired" although the clock is right has a certificate that is over.
   */
  function judgedByClock(failure: UploadFailure, signedWithMs: number): UploadFailure {
    const { clockOffsetMs } = failure.facts;
    if (clockOffsetMs === undefined) return failure;
    options.clock.correct(clockOffsetMs);
    if (isSkewed(clockOffsetMs - signedWithMs)) {
      return new UploadFailure(failure.code, failure.message, {
        ...failure.facts,
        repeatAtOnce: true,
      });
    }
    return failure.message.includes('RequestTimeTooSkewed')
      ? failure
      : new UploadFailure('session-expired', failure.message, failure.facts);
  }

  /** Uploads of this key that were begun, oldest first; none where they may not be listed. */
  async function findBegun(
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

  /**
   * The parts under the ETags that the service lists, where it refused those that it had told. Their
   * bytes were compared by CRC-64, and the whole will be; an ETag that was compared itself is final.
   */
  async function asListed(
    target: ObjectTarget,
    uploadId: UploadId,
    parts: readonly StoredPart[],
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<StoredPart[] | undefined> {
    if (options.verification === 'md5') return undefined;
    const listed = await repeated(onRetry, signal, (domain) =>
      requests.listParts(target, uploadId, domain, signal),
    );
    const byNumber = new Map(listed.map((part) => [part.number, part]));
    if (parts.some(({ number, size }) => byNumber.get(number)?.size !== size)) return undefined;
    return parts.map((part) => ({
      ...part,
      etag: byNumber.get(part.number)?.etag as StoredPart['etag'],
    }));
  }

  /** What is in the bucket after a merge whose answer was lost or whose digest is in doubt. */
  async function inspect(
    target: ObjectTarget,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<{ readonly size: number; readonly crc64?: string } | 'untold' | undefined> {
    for (let tries = 1; ; tries++) {
      const head = await repeated(onRetry, signal, (domain) =>
        headObject(options, target, domain, signal),
      );
      if (head !== undefined || tries === HEAD_TRIES) return head;
      await sleep(HEAD_PAUSE_MS, signal);
    }
  }

  return {
    async put(target, source, onRetry, signal) {
      const part = { number: 1, start: 0, end: source.file.size };
      const stored = await repeated(onRetry, signal, (domain) =>
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
      return repeated(onRetry, signal, async (domain, previous) => {
        mayBeBegun ||= previous?.facts.ambiguous === true;
        const begun = mayBeBegun ? await findBegun(target, domain, signal) : [];
        return begun.at(-1) ?? requests.initiate(target, domain, signal);
      });
    },

    putPart: (target, uploadId, part, source, onRetry, signal) =>
      repeated(onRetry, signal, async (domain, previous, number) => {
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
        return await repeated(onRetry, signal, (domain) =>
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

    async complete(target, uploadId, parts, wasSent, onRetry, signal) {
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      const wanted = wholeCrc64(parts);
      let mayBeMerged = wasSent;
      const merge = (named: readonly StoredPart[]): Promise<string | undefined> =>
        repeated(onRetry, signal, async (domain) => {
          try {
            return await requests.complete(target, uploadId, named, domain, signal);
          } catch (error) {
            if (error instanceof UploadFailure && error.facts.ambiguous === true)
              mayBeMerged = true;
            throw error;
          }
        });
      let told: string | undefined;
      try {
        told = await merge(parts).catch(async (error: unknown) => {
          if (!hasServiceCode(error, 'InvalidPart')) throw error;
          const listed = await asListed(target, uploadId, parts, onRetry, signal);
          if (listed === undefined) throw error;
          return merge(listed);
        });
      } catch (error) {
        // A certificate that ended after a Complete that may have worked: the commit decides.
        if (mayBeMerged && error instanceof UploadFailure && error.code === 'session-expired')
          return {};
        // No such upload any more, after a Complete that may have worked: it has.
        if (!mayBeMerged || !hasServiceCode(error, 'NoSuchUpload')) throw error;
      }
      if (told !== undefined && (wanted === undefined || told === wanted)) return { crc64: told };
      const head = await inspect(target, onRetry, signal);
      if (head === undefined) {
        throw new UploadFailure(
          'upload-gone',
          'the service holds neither the upload nor the object',
        );
      }
      if (head === 'untold') return told === undefined ? {} : raiseCorrupted();
      const differs = head.crc64 !== undefined && wanted !== undefined && head.crc64 !== wanted;
      if (head.size !== size || differs) raiseCorrupted();
      return head.crc64 === undefined ? {} : { crc64: head.crc64 };
    },

    async abort(target, uploadId, signal) {
      const abortOne = (id: UploadId): Promise<boolean> =>
        goneAfter(
          repeated(
            () => undefined,
            signal,
            (domain) => requests.abort(target, id, domain, signal),
          ),
        );
      // An Initiate that nobody got the answer of, or got too late, has left an upload as well.
      const others = await repeated(
        () => undefined,
        signal,
        (domain) => findBegun(target, domain, signal),
      ).catch(() => [] as UploadId[]);
      signal.throwIfAborted();
      let areGone = true;
      for (const id of new Set([...(uploadId === undefined ? [] : [uploadId]), ...others])) {
        areGone = (await abortOne(id)) && areGone;
      }
      return areGone;
    },
  };
}

/** Whether there is no such upload any more; a certificate may not suffice to abort it. */
async function goneAfter(aborting: Promise<void>): Promise<boolean> {
  try {
    await aborting;
    return true;
  } catch (error) {
    if (!(error instanceof UploadFailure)) throw error;
    return error.code === 'upload-gone';
  }
}

function hasServiceCode(error: unknown, code: string): boolean {
  return error instanceof UploadFailure && error.facts.serviceCode === code;
}

function raiseCorrupted(): never {
  throw new UploadFailure('object-corrupted', 'the object in the bucket is not the file on disk');
}

/** The CRC-64 that the whole object must have; undefined where parts were not digested. */
function wholeCrc64(parts: readonly StoredPart[]): string | undefined {
  let whole = 0n;
  for (const { crc64, size } of parts) {
    if (crc64 === undefined) return undefined;
    whole = combineCrc64(whole, crc64, size);
  }
  return whole.toString();
}
