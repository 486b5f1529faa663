import { orAborted } from '../core/waits.js';
import type { ETag, UploadId } from '../core/ids.js';
import type { Part, StoredPart } from '../core/model.js';
import type { ObjectTarget, Source } from '../core/ports.js';
import { UploadFailure } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { HttpAnswer } from '../net/answer.js';
import { quoted } from '../net/quoted.js';
import { sendRequest } from '../net/request.js';
import { createDigest, type Verification } from './digest.js';
import { assertCosAnswer } from './failures.js';
import { encodeKey, encodeQuery, hostOf } from './host.js';
import { digestRange, openPartBody, type BufferPool } from './part-body.js';
import { loadCosSignature, signingOffsetMs } from './sdk.js';
import type { CosOptions } from './options.js';
import type { Attempt } from './repeat.js';

/** What goes into one request besides its body. */
interface ObjectRequest {
  readonly method: 'PUT' | 'HEAD';
  readonly target: ObjectTarget;
  readonly query?: Readonly<Record<string, string>>;
  readonly attempt: Attempt;
}

/** Where bytes go: into a part of this upload, or without one into a whole object. */
interface Destination {
  readonly target: ObjectTarget;
  readonly uploadId?: UploadId;
  readonly attempt: Attempt;
}

/**
 * One attempt to write bytes [start, end) of a source, as a part or as a whole object. The bytes
 * take the product's own path: chunks from a pooled buffer straight into the connection, digested
 * on the way; the answer's digest must be that of what was read.
 */
export async function writeObject(
  options: CosOptions,
  pool: BufferPool,
  { target, uploadId, attempt }: Destination,
  source: Source,
  part: Part,
  signal: AbortSignal,
): Promise<StoredPart> {
  const { verification } = options;
  const operation = uploadId === undefined ? 'PutObject' : 'UploadPart';
  const query = uploadId === undefined ? {} : { partNumber: String(part.number), uploadId };
  // A whole object is compared once more before its commit; of parts many may be left to send.
  if (operation === 'UploadPart') await source.assertUnchanged(signal);
  const digest = createDigest(verification === 'none' ? [] : [verification]);
  const body = openPartBody(source, part, digest, pool);
  try {
    const spec = { method: 'PUT', target, query, attempt } as const;
    const answer = await sendRequest(
      {
        ...(await signedRequest(options, spec, { 'Content-Length': String(body.size) }, signal)),
        body,
      },
      signal,
    );
    assertCosAnswer(operation, answer);
    if (answer.isSent !== true) {
      throw new UploadFailure('not-the-service', `${operation}: answered before the body was sent`);
    }
    const read = digest.finish();
    const kind = comparable(verification, answer);
    // What the answer can be compared with may show only now.
    const compared =
      kind === 'none' || read[kind] !== undefined
        ? read
        : { ...read, ...(await digestRange(source, part, [kind], pool, signal)) };
    return acknowledged(operation, answer, part, kind, compared);
  } catch (error) {
    throw body.isReading() ? orReadError(error, source) : error;
  } finally {
    body.close();
  }
}

/** A request that stalls while the disk is asked for its bytes stalls for want of them. */
function orReadError(error: unknown, { file }: Source): unknown {
  if (!(error instanceof UploadFailure) || error.code !== 'stalled') return error;
  return new UploadFailure('read-error', `cannot read ${visible(file.path)}: no answer`);
}

/** What HEAD tells of an object. */
export interface ObjectHead {
  readonly size?: number;
  readonly crc64?: string;
}

/** What COS tells of an object: undefined where there is none, 'untold' where it may not be asked or tells nothing. */
export async function headObject(
  options: CosOptions,
  target: ObjectTarget,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<ObjectHead | 'untold' | undefined> {
  const spec = { method: 'HEAD', target, attempt } as const;
  const answer = await sendRequest(await signedRequest(options, spec, {}, signal), signal);
  // An answer without a body cannot name its error: only a refusal is one that is final.
  if (answer.headers['x-cos-request-id'] === undefined || answer.status >= 500) {
    assertCosAnswer('HeadObject', answer);
  }
  if (answer.status === 404) return undefined;
  const { etag, 'content-length': size, 'x-cos-hash-crc64ecma': crc64 } = answer.headers;
  // An answer to HEAD may leave its length out (RFC 9110, 8.6).
  const tellsNothing = size === undefined && crc64 === undefined;
  if (answer.status !== 200 || !etag || tellsNothing) return 'untold';
  return {
    ...(size === undefined ? {} : { size: Number(size) }),
    ...(crc64 === undefined ? {} : { crc64 }),
  };
}

async function signedRequest(
  options: CosOptions,
  { method, target, query = {}, attempt }: ObjectRequest,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Omit<Parameters<typeof sendRequest>[0], 'body'>> {
  const getAuthorization = await loadCosSignature();
  const host = hostOf(target, attempt.domain);
  const { secretId, secretKey, token } =
    target.credentials ?? (await orAborted(options.credentials(), signal));
  const authorization = getAuthorization({
    SecretId: secretId,
    SecretKey: secretKey,
    Method: method,
    Key: target.key,
    Query: query,
    Headers: { Host: host, ...headers },
    SystemClockOffset: signingOffsetMs(options.clock),
  } as Parameters<typeof getAuthorization>[0]);
  const search = encodeQuery(query);
  return {
    route: options.route,
    host,
    method,
    path: `/${encodeKey(target.key)}${search === '' ? '' : `?${search}`}`,
    headers: {
      ...headers,
      Authorization: authorization,
      ...(token === undefined ? {} : { 'x-cos-security-token': token }),
    },
    previous: attempt.previous,
    stallTimeoutMs: options.stallTimeoutMs,
  };
}

/** The digest that the answer can be compared by: the one asked for, or else what there is. */
function comparable(verification: Verification, { headers }: HttpAnswer): Verification {
  if (verification === 'none') return 'none';
  const hasCrc64 = headers['x-cos-hash-crc64ecma'] !== undefined;
  // With keys of the customer or of KMS the ETag is no MD5 (protocol: COS, 1.6).
  const hasMd5 =
    headers['x-cos-server-side-encryption'] !== 'cos/kms' &&
    headers['x-cos-server-side-encryption-customer-algorithm'] === undefined;
  if (hasCrc64 && (verification === 'crc64' || !hasMd5)) return 'crc64';
  return hasMd5 ? 'md5' : 'none';
}

/** The part as COS acknowledged it. Throws `corrupted` where COS holds other bytes than were read. */
function acknowledged(
  operation: string,
  answer: HttpAnswer,
  part: Part,
  kind: Verification,
  { crc64, md5 }: { readonly crc64?: bigint; readonly md5?: string },
): StoredPart {
  const { headers } = answer;
  const etag = headers['etag'];
  if (!etag) throw new UploadFailure('not-the-service', `${operation}: the answer lacks an ETag`);
  const told = { crc64: headers['x-cos-hash-crc64ecma'], md5: etag.replaceAll('"', '') };
  const read = { crc64: crc64?.toString(), md5 };
  if (kind !== 'none' && told[kind] !== read[kind]) {
    throw new UploadFailure(
      'corrupted',
      `${operation}: the service holds other bytes than were sent (it says ${quoted(told[kind] ?? '', answer)})`,
    );
  }
  // What nobody compared is no digest of a whole object; that of a part is compared with the others.
  const isCompared = kind !== 'none' || operation === 'UploadPart';
  return {
    number: part.number,
    size: part.end - part.start,
    etag: etag as ETag,
    ...(crc64 === undefined || !isCompared ? {} : { crc64 }),
  };
}
