import type COS from 'cos-nodejs-sdk-v5';
import { UploadFailure } from '../core/errors.js';
import type { UploadId } from '../core/ids.js';
import type { StoredPart } from '../core/model.js';
import { MAX_PARTS } from '../core/parts.js';
import type { ListedPart, ObjectTarget } from '../core/ports.js';
import type { CosOptions } from './options.js';
import type { Attempt } from './repeat.js';
import { createSdkCall } from './sdk-call.js';

const PAGE_SIZE = 1000;

/** One attempt of each call about multipart uploads, through the SDK's low-level methods. */
export interface MultipartRequests {
  initiate(target: ObjectTarget, attempt: Attempt, signal: AbortSignal): Promise<UploadId>;
  /** Unfinished uploads of exactly this key, oldest first. */
  findUploads(target: ObjectTarget, attempt: Attempt, signal: AbortSignal): Promise<UploadId[]>;
  listParts(
    target: ObjectTarget,
    uploadId: UploadId,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<ListedPart[]>;
  /** Resolves to the CRC-64 that COS tells of the whole, where it does. */
  complete(
    target: ObjectTarget,
    uploadId: UploadId,
    parts: readonly StoredPart[],
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  abort(
    target: ObjectTarget,
    uploadId: UploadId,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<void>;
}

export function createMultipartRequests(options: CosOptions): MultipartRequests {
  const call = createSdkCall(options);

  return {
    initiate: (target, attempt, signal) =>
      call('InitiateMultipartUpload', target, attempt, signal, async (cos, object) => {
        const { UploadId: id } = await cos.multipartInit(object);
        if (typeof id === 'string' && id !== '') return id as UploadId;
        const message = 'InitiateMultipartUpload: the answer lacks an UploadId';
        throw new UploadFailure('not-the-service', message, { ambiguous: true });
      }),

    findUploads: (target, attempt, signal) =>
      call(
        'ListMultipartUploads',
        target,
        attempt,
        signal,
        async (cos, { Bucket, Region, Key }) => {
          const answer = await cos.multipartList({ Bucket, Region, Prefix: Key, Delimiter: '' });
          const uploads = (answer.Upload as typeof answer.Upload | undefined) ?? [];
          return uploads
            .filter((upload) => upload.Key === Key)
            .sort((a, b) => String(a.Initiated).localeCompare(String(b.Initiated)))
            .map((upload) => upload.UploadId as UploadId);
        },
      ),

    listParts: (target, uploadId, attempt, signal) =>
      readPages((marker) =>
        call('ListParts', target, attempt, signal, (cos, object) =>
          cos.multipartListPart({
            ...object,
            UploadId: uploadId,
            MaxParts: PAGE_SIZE,
            PartNumberMarker: String(marker),
          }),
        ),
      ),

    complete: (target, uploadId, parts, attempt, signal) =>
      call('CompleteMultipartUpload', target, attempt, signal, async (cos, object) => {
        const answer = await cos.multipartComplete({
          ...object,
          UploadId: uploadId,
          Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })),
        });
        const crc64 = answer.headers?.['x-cos-hash-crc64ecma'] as unknown;
        return typeof crc64 === 'string' ? crc64 : undefined;
      }),

    abort: (target, uploadId, attempt, signal) =>
      call('AbortMultipartUpload', target, attempt, signal, async (cos, object) => {
        await cos.multipartAbort({ ...object, UploadId: uploadId });
      }),
  };
}

/** The parts of all pages; each begins behind the part with the number `marker`. */
async function readPages(
  readPage: (marker: number) => Promise<COS.MultipartListPartResult>,
): Promise<ListedPart[]> {
  const parts: ListedPart[] = [];
  for (let marker = 0; ;) {
    const page = await readPage(marker);
    for (const part of page.Part) {
      parts.push({
        number: Number(part.PartNumber),
        size: Number(part.Size),
        etag: String(part.ETag),
      });
    }
    if (String(page.IsTruncated) !== 'true') return parts;
    const next = Number(page.NextPartNumberMarker || parts.at(-1)?.number);
    // Pages that come round again would never end.
    if (!(next > marker && next <= MAX_PARTS)) {
      throw new UploadFailure('not-the-service', 'ListParts: pages without an end');
    }
    marker = next;
  }
}
