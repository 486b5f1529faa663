import { UploadFailure } from '../core/errors.js';
import type { UploadId } from '../core/ids.js';
import type { StoredPart } from '../core/model.js';
import type { Cos, ObjectTarget, OnRetry } from '../core/ports.js';
import { sleep } from '../core/waits.js';
import { combineCrc64 } from './crc64.js';
import type { MultipartRequests } from './multipart-requests.js';
import { headObject, type ObjectHead } from './object-requests.js';
import type { CosOptions } from './options.js';
import { digestRange, wholeOf, type BufferPool } from './part-body.js';
import type { Repeat } from './repeat.js';

/** After the merge is known to have happened but its answer was lost, so long until a HEAD sees it. */
const HEAD_TRIES = 3;
const HEAD_PAUSE_MS = 500;

/** An upload that is to be merged. */
interface Merging {
  readonly target: ObjectTarget;
  readonly uploadId: UploadId;
  readonly parts: readonly StoredPart[];
  readonly onRetry: OnRetry;
  readonly signal: AbortSignal;
}

/** Joins the parts of an upload and verifies the whole, whatever becomes of the answer. */
export function createComplete(
  options: CosOptions,
  requests: MultipartRequests,
  repeat: Repeat,
): Cos['complete'] {
  return async (target, uploadId, parts, wasSent, onRetry, signal) => {
    const merging = { target, uploadId, parts, onRetry, signal };
    let mayBeMerged = wasSent;
    const merge = (named: readonly StoredPart[]): Promise<string | undefined> =>
      repeat(onRetry, signal, async (attempt) => {
        try {
          return await requests.complete(target, uploadId, named, attempt, signal);
        } catch (error) {
          if (error instanceof UploadFailure) mayBeMerged ||= error.facts.ambiguous === true;
          throw error;
        }
      });
    let told: string | undefined;
    try {
      told = await merge(parts).catch(async (error: unknown) => {
        if (!hasServiceCode(error, 'InvalidPart')) throw error;
        const listed = await asListed(options, requests, repeat, merging);
        if (listed === undefined) throw error;
        return merge(listed);
      });
    } catch (error) {
      if (!mayBeMerged || !(error instanceof UploadFailure)) throw error;
      // No such upload any more, after a Complete that may have worked: it has.
      if (!hasServiceCode(error, 'NoSuchUpload')) {
        throw error.with({ ambiguous: true });
      }
    }
    return verifyWhole(options, repeat, merging, told);
  };
}

/**
 * The parts under the ETags that the service lists, where it refused those that it had told. Their
 * bytes were compared by CRC-64, and the whole will be; an ETag that was compared itself is final.
 */
async function asListed(
  { verification }: CosOptions,
  requests: MultipartRequests,
  repeat: Repeat,
  { target, uploadId, parts, onRetry, signal }: Merging,
): Promise<StoredPart[] | undefined> {
  if (verification === 'md5' && parts.some(({ crc64 }) => crc64 === undefined)) return undefined;
  const listed = await repeat(onRetry, signal, (attempt) =>
    requests.listParts(target, uploadId, attempt, signal),
  );
  const byNumber = new Map(listed.map((part) => [part.number, part]));
  if (parts.some(({ number, size }) => byNumber.get(number)?.size !== size)) return undefined;
  return parts.map((part) => ({
    ...part,
    etag: byNumber.get(part.number)?.etag as StoredPart['etag'],
  }));
}

/** Compares what is in the bucket with a file whose upload is gone. */
export function createVerify(options: CosOptions, repeat: Repeat, pool: BufferPool): Cos['verify'] {
  return async (target, source, onRetry, signal) => {
    const head = await inspect(options, repeat, { target, onRetry, signal });
    if (head === 'untold') return undefined;
    const whole = wholeOf(source);
    const isDigested = head.crc64 !== undefined && options.verification !== 'none';
    const { crc64 } = isDigested ? await digestRange(source, whole, ['crc64'], pool, signal) : {};
    return compareWhole(head, whole.end, crc64?.toString());
  };
}

/** Compares what the merge told of the whole, or what is in the bucket, with what was sent. */
async function verifyWhole(
  options: CosOptions,
  repeat: Repeat,
  merging: Merging,
  told: string | undefined,
): Promise<{ readonly crc64?: string }> {
  const wanted = wholeCrc64(merging.parts);
  if (told !== undefined && (wanted ?? told) === told) return wanted ? { crc64: wanted } : {};
  const head = await inspect(options, repeat, merging);
  if (head === 'untold') return told === undefined ? {} : raiseCorrupted();
  const size = merging.parts.reduce((sum, part) => sum + part.size, 0);
  return compareWhole(head, size, wanted);
}

/**
 * What is in the bucket after a merge whose answer was lost or whose digest is in doubt; 'untold' where it may
 * not be asked. Throws `upload-gone` where there is no object.
 */
async function inspect(
  options: CosOptions,
  repeat: Repeat,
  { target, onRetry, signal }: Pick<Merging, 'target' | 'onRetry' | 'signal'>,
): Promise<ObjectHead | 'untold'> {
  for (let tries = 1; ; tries++) {
    const head = await repeat(onRetry, signal, (attempt) =>
      headObject(options, target, attempt, signal),
    );
    if (head !== undefined) return head;
    if (tries === HEAD_TRIES) break;
    await sleep(HEAD_PAUSE_MS, signal);
  }
  throw new UploadFailure('upload-gone', 'the service holds neither the upload nor the object');
}

/** Throws `object-corrupted` unless the object may be the file; `crc64` where that was compared. */
function compareWhole(
  head: ObjectHead,
  size: number,
  wanted: string | undefined,
): { readonly crc64?: string } {
  if ((head.size ?? size) !== size) raiseCorrupted();
  if (wanted === undefined || head.crc64 === undefined) return {};
  return head.crc64 === wanted ? { crc64: wanted } : raiseCorrupted();
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
