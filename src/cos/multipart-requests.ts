import type COS from 'cos-nodejs-sdk-v5';
import type { XMLParser } from 'fast-xml-parser';
import { UploadFailure } from '../core/errors.js';
import type { ETag, UploadId } from '../core/ids.js';
import type { StoredPart } from '../core/model.js';
import type { ListedPart, ObjectTarget } from '../core/ports.js';
import { sendRequest, type HttpAnswer } from '../net/request.js';
import { throughSdk } from '../net/sdk-exchange.js';
import { assertCosAnswer } from './failures.js';
import { hostOf } from './host.js';
import type { CosOptions } from './options.js';
import { loadCosSdk } from './sdk.js';

/** Merging may take minutes, during which the service sends spaces. */
const MERGE_TIMEOUT_MS = 15 * 60_000;
const PAGE_SIZE = 1000;

/** One attempt of each call about multipart uploads, through the SDK's low-level methods. */
export interface MultipartRequests {
  initiate(target: ObjectTarget, domain: string, signal: AbortSignal): Promise<UploadId>;
  /** Unfinished uploads of exactly this key, oldest first. */
  findUploads(target: ObjectTarget, domain: string, signal: AbortSignal): Promise<UploadId[]>;
  listParts(
    target: ObjectTarget,
    uploadId: UploadId,
    domain: string,
    signal: AbortSignal,
  ): Promise<ListedPart[]>;
  /** Resolves to the CRC-64 that COS tells of the whole, where it does. */
  complete(
    target: ObjectTarget,
    uploadId: UploadId,
    parts: readonly StoredPart[],
    domain: string,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  abort(
    target: ObjectTarget,
    uploadId: UploadId,
    domain: string,
    signal: AbortSignal,
  ): Promise<void>;
}

export function createMultipartRequests(options: CosOptions): MultipartRequests {
  async function call<T>(
    operation: string,
    root: string | undefined,
    target: ObjectTarget,
    domain: string,
    signal: AbortSignal,
    work: (cos: COS, object: { Bucket: string; Region: string; Key: string }) => Promise<T>,
  ): Promise<T> {
    const Sdk = await loadCosSdk();
    const parser = await loadParser();
    const host = hostOf(target, domain);
    return throughSdk(
      async ({ method, path, headers, body }) => {
        const answer = await sendRequest(
          {
            route: options.route,
            host,
            method,
            path,
            headers,
            body: { size: body.length, read: async (position) => body.subarray(position) },
            stallTimeoutMs: options.stallTimeoutMs,
            answerTimeoutMs: options.stallTimeoutMs,
            ...(operation === 'CompleteMultipartUpload'
              ? { spacesTimeoutMs: MERGE_TIMEOUT_MS }
              : {}),
          },
          signal,
        );
        assertCosAnswer(operation, answer);
        assertReadable(parser, operation, root, answer);
        return answer;
      },
      (agent) => {
        const { secretId, secretKey, token } = target.credentials;
        const cos = new Sdk({
          SecretId: secretId,
          SecretKey: secretKey,
          ...(token === undefined ? {} : { SecurityToken: token }),
          Protocol: 'http:',
          Domain: host,
          SystemClockOffset: options.clock.offsetMs,
          CorrectClockSkew: false,
          AutoSwitchHost: false,
        } as ConstructorParameters<typeof Sdk>[0]);
        cos.on('before-send', (request: { agent?: unknown; proxy?: unknown }) => {
          request.agent = agent;
          request.proxy = null;
        });
        return work(cos, { Bucket: target.bucket, Region: target.region, Key: target.key });
      },
    );
  }

  return {
    initiate: (target, domain, signal) =>
      call(
        'InitiateMultipartUpload',
        'InitiateMultipartUploadResult',
        target,
        domain,
        signal,
        async (cos, object) => {
          const { UploadId: id } = await cos.multipartInit(object);
          if (typeof id === 'string' && id !== '') return id as UploadId;
          throw new UploadFailure(
            'not-the-service',
            'InitiateMultipartUpload: the answer lacks an UploadId',
            {
              ambiguous: true,
            },
          );
        },
      ),

    findUploads: (target, domain, signal) =>
      call(
        'ListMultipartUploads',
        'ListMultipartUploadsResult',
        target,
        domain,
        signal,
        async (cos, { Bucket, Region, Key }) => {
          const answer = await cos.multipartList({ Bucket, Region, Prefix: Key, Delimiter: '' });
          return answer.Upload.filter((upload) => upload.Key === Key)
            .sort((a, b) => String(a.Initiated).localeCompare(String(b.Initiated)))
            .map((upload) => upload.UploadId as UploadId);
        },
      ),

    async listParts(target, uploadId, domain, signal) {
      const parts: ListedPart[] = [];
      for (let marker = '0'; ;) {
        const page = await call(
          'ListParts',
          'ListPartsResult',
          target,
          domain,
          signal,
          (cos, object) =>
            cos.multipartListPart({
              ...object,
              UploadId: uploadId,
              MaxParts: PAGE_SIZE,
              PartNumberMarker: marker,
            }),
        );
        for (const part of page.Part) {
          parts.push({
            number: Number(part.PartNumber),
            size: Number(part.Size),
            etag: String(part.ETag),
          });
        }
        const next = String(page.NextPartNumberMarker ?? '');
        if (String(page.IsTruncated) !== 'true' || next === '' || next === marker) return parts;
        marker = next;
      }
    },

    complete: (target, uploadId, parts, domain, signal) =>
      call(
        'CompleteMultipartUpload',
        'CompleteMultipartUploadResult',
        target,
        domain,
        signal,
        async (cos, object) => {
          const answer = await cos.multipartComplete({
            ...object,
            UploadId: uploadId,
            Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag as ETag })),
          });
          const crc64 = answer.headers?.['x-cos-hash-crc64ecma'] as unknown;
          return typeof crc64 === 'string' ? crc64 : undefined;
        },
      ),

    abort: (target, uploadId, domain, signal) =>
      call('AbortMultipartUpload', undefined, target, domain, signal, async (cos, object) => {
        await cos.multipartAbort({ ...object, UploadId: uploadId });
      }),
  };
}

let loading: Promise<XMLParser> | undefined;

function loadParser(): Promise<XMLParser> {
  loading ??= import('fast-xml-parser').then((module) => new module.XMLParser());
  return loading;
}

/**
 * The SDK lets its parser's exceptions escape as uncaught ones, so the parser is asked here first.
 * An operation without a root answers with nothing, and says so by its status.
 */
function assertReadable(
  parser: XMLParser,
  operation: string,
  root: string | undefined,
  answer: HttpAnswer,
): void {
  if (root === undefined) {
    if (answer.status === 204) return;
    throw new UploadFailure('not-the-service', `${operation}: HTTP ${answer.status} for a 204`, {
      ambiguous: true,
    });
  }
  let parsed: unknown;
  try {
    parsed = parser.parse(answer.body, true);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed === 'object' && parsed !== null && root in parsed) return;
  throw new UploadFailure('not-the-service', `${operation}: the answer is not a ${root}`, {
    ambiguous: true,
  });
}
