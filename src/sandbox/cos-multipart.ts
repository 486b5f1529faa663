import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { receiveFile, receiveText } from './body.js';
import { joinFiles, objectHeaders, storeObject } from './cos-objects.js';
import type { CosRequest } from './cos-request.js';
import { checkBodyHeaders, checkDigest } from './cos-request.js';
import type { CompletionPart } from './cos-xml.js';
import { parseCompletion, xmlDocument } from './cos-xml.js';
import { joinCrc64 } from './crc64.js';
import type { Answer, Exchange } from './exchange.js';
import { ServiceError } from './exchange.js';
import type { ObjectRecord, PartRecord, State, UploadRecord } from './state.js';

const LEAST_PART = 1 << 20;
const MOST_PARTS = 10_000;
const COMPLETION_LIMIT = 2 << 20;
const XML = { 'Content-Type': 'application/xml' };

/** Upload ids whose parts are being joined, until they are. */
export type Merging = Map<string, Promise<unknown>>;

export function initiateUpload(
  state: State,
  { bucket, key }: CosRequest,
  exchange: Exchange,
): Answer {
  const uploadId = `${Math.floor(exchange.now() / 1000)}${randomBytes(32).toString('hex')}`;
  const contentType = exchange.req.headers['content-type'] ?? '';
  const upload = { uploadId, bucket, key, contentType, atMs: exchange.now() };
  state.record({ type: 'upload', upload });
  const body = xmlDocument('InitiateMultipartUploadResult', [
    ['Bucket', bucket],
    ['Key', key],
    ['UploadId', uploadId],
  ]);
  return { status: 200, headers: XML, body };
}

export async function uploadPart(
  state: State,
  merging: Merging,
  request: CosRequest,
  exchange: Exchange,
): Promise<Answer> {
  const number = Number(request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS) {
    throw new ServiceError('InvalidArgument', `partNumber must be 1 to ${MOST_PARTS}`);
  }
  checkBodyHeaders(exchange, false);
  findUpload(state, request);
  const received = await receiveFile(exchange, state.partsDir);
  const etag = received.md5.toString('hex');
  const { size, crc64, path } = received;
  const part: PartRecord = { number, size, etag, crc64, file: path, atMs: exchange.now() };
  let replaced: PartRecord | undefined;
  try {
    checkDigest(exchange, received.md5);
    const upload = findUpload(state, request); // it may have ended meanwhile
    if (merging.has(upload.uploadId)) {
      throw new ServiceError('UploadConflict', 'the upload is being completed');
    }
    replaced = upload.parts.get(number);
    state.record({ type: 'part', uploadId: upload.uploadId, part });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  if (replaced) await rm(replaced.file, { force: true });
  return { status: 200, headers: objectHeaders(part) };
}

/** Judges the list at once; the joining goes on behind an answer that has begun. */
export async function completeUpload(
  state: State,
  merging: Merging,
  request: CosRequest,
  exchange: Exchange,
): Promise<Answer> {
  checkBodyHeaders(exchange, true);
  const body = await receiveText(exchange, COMPLETION_LIMIT);
  checkDigest(exchange, createHash('md5').update(body).digest());
  const wanted = parseCompletion(body.toString('utf8'));
  if (!wanted) throw new ServiceError('MalformedXML', 'the list of parts cannot be read');
  await merging.get(request.query.get('uploadId') ?? '');
  const upload = findUpload(state, request);
  const parts = checkParts(upload, wanted);
  const { bucket, key } = request;
  const object: ObjectRecord = {
    bucket,
    key,
    size: parts.reduce((sum, part) => sum + part.size, 0),
    etag: `${randomBytes(16).toString('hex')}-${parts.length}`,
    crc64: joinCrc64(parts),
    contentType: upload.contentType,
    atMs: exchange.now(),
  };
  const merged = merge(state, upload, object, parts).finally(() => merging.delete(upload.uploadId));
  const pending = merged.then(() => completionXml(exchange.target.host, object));
  merging.set(
    upload.uploadId,
    pending.catch(() => undefined),
  );
  return { status: 200, headers: { ...XML, 'x-cos-hash-crc64ecma': object.crc64 }, pending };
}

export async function abortUpload(
  state: State,
  merging: Merging,
  request: CosRequest,
): Promise<Answer> {
  await merging.get(request.query.get('uploadId') ?? '');
  await endUpload(state, findUpload(state, request));
  return { status: 204, headers: {} };
}

async function merge(
  state: State,
  upload: UploadRecord,
  object: ObjectRecord,
  parts: readonly PartRecord[],
): Promise<void> {
  const whole = await joinFiles(
    parts.map((part) => part.file),
    state.partsDir,
  );
  try {
    await storeObject(state, object, whole);
  } catch (error) {
    await rm(whole, { force: true });
    throw error;
  }
  await endUpload(state, upload);
}

async function endUpload(state: State, upload: UploadRecord): Promise<void> {
  state.record({ type: 'ended', uploadId: upload.uploadId });
  await Promise.all([...upload.parts.values()].map(({ file }) => rm(file, { force: true })));
}

export function findUpload(state: State, { bucket, key, query }: CosRequest): UploadRecord {
  const upload = state.uploads.get(query.get('uploadId') ?? '');
  if (!upload || upload.bucket !== bucket || upload.key !== key) {
    throw new ServiceError('NoSuchUpload', 'The specified multipart upload does not exist.');
  }
  return upload;
}

/** The stored parts that a completion names, if it keeps the rules. */
function checkParts(upload: UploadRecord, wanted: readonly CompletionPart[]): PartRecord[] {
  for (let i = 1; i < wanted.length; i++) {
    if ((wanted[i]?.number ?? 0) <= (wanted[i - 1]?.number ?? 0)) {
      throw new ServiceError('InvalidPartOrder', 'the parts are not in ascending order');
    }
  }
  const parts = wanted.map(({ number, etag }, i) => {
    const part = upload.parts.get(number);
    if (number !== i + 1 || part?.etag !== etag) {
      throw new ServiceError(
        'InvalidPart',
        `part ${number} is missing, skipped or of another ETag`,
      );
    }
    return part;
  });
  const small = parts.slice(0, -1).find((part) => part.size < LEAST_PART);
  if (small) throw new ServiceError('EntityTooSmall', `part ${small.number} is smaller than 1 MB`);
  return parts;
}

function completionXml(host: string, { bucket, key, etag }: ObjectRecord): string {
  return xmlDocument('CompleteMultipartUploadResult', [
    ['Location', `http://${host}/${encodeURI(key)}`],
    ['Bucket', bucket],
    ['Key', key],
    ['ETag', `"${etag}"`],
  ]).replace('Result>', 'Result xmlns="http://www.qcloud.com/document/product/436/7751">');
}
