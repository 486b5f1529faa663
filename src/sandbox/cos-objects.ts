import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { receiveFile } from './body.js';
import type { CosRequest } from './cos-request.js';
import { checkBodyHeaders, checkDigest } from './cos-request.js';
import type { Answer, Exchange } from './exchange.js';
import { ServiceError } from './exchange.js';
import type { ObjectRecord, State } from './state.js';

/** Files are copied in strokes of this many bytes. */
const STROKE = 4 << 20;

export function objectHeaders(object: { etag: string; crc64: string }): Record<string, string> {
  return { ETag: `"${object.etag}"`, 'x-cos-hash-crc64ecma': object.crc64 };
}

export async function putObject(
  state: State,
  { bucket, key }: CosRequest,
  exchange: Exchange,
): Promise<Answer> {
  if (exchange.req.headers['x-cos-copy-source'] !== undefined) {
    throw new ServiceError('NotImplemented', 'copying is not served here');
  }
  checkBodyHeaders(exchange, true);
  const received = await receiveFile(exchange, state.partsDir);
  const object: ObjectRecord = {
    bucket,
    key,
    size: received.size,
    etag: received.md5.toString('hex'),
    crc64: received.crc64,
    contentType: exchange.req.headers['content-type'] ?? '',
    atMs: exchange.now(),
  };
  try {
    checkDigest(exchange, received.md5);
    await storeObject(state, object, received.path);
  } catch (error) {
    await rm(received.path, { force: true });
    throw error;
  }
  return { status: 200, headers: objectHeaders(object) };
}

/** Makes a finished file the object: it appears whole or not at all. */
export async function storeObject(state: State, object: ObjectRecord, path: string): Promise<void> {
  const place = state.objectPath(object.bucket, object.key);
  try {
    await mkdir(dirname(place), { recursive: true });
    await rename(path, place);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY'].includes(code)) throw error;
    throw new ServiceError('PathConflict', `${object.key} and another key cannot both be files`);
  }
  state.record({ type: 'object', object });
}

/** Copies files end to end into a new one. */
export async function joinFiles(paths: readonly string[], dir: string): Promise<string> {
  const whole = join(dir, randomBytes(12).toString('hex'));
  const target = await open(whole, 'wx');
  try {
    for (const path of paths) {
      await writeFile(target, createReadStream(path, { highWaterMark: STROKE }));
    }
  } catch (error) {
    await rm(whole, { force: true });
    throw error;
  } finally {
    await target.close();
  }
  return whole;
}

/** The object if it is there, with the size its file has now. */
export async function findObject(
  state: State,
  bucket: string,
  key: string,
): Promise<ObjectRecord | undefined> {
  const object = state.object(bucket, key);
  if (!object) return undefined;
  const stats = await stat(state.objectPath(bucket, key)).catch(() => undefined);
  return stats?.isFile() ? { ...object, size: stats.size } : undefined;
}

/** GET and HEAD. */
export async function getObject(
  state: State,
  { bucket, key, operation }: CosRequest,
  exchange: Exchange,
): Promise<Answer> {
  const object = await findObject(state, bucket, key);
  if (!object) throw new ServiceError('NoSuchKey', 'The specified key does not exist.');
  const headers: Record<string, string> = {
    ...objectHeaders(object),
    'Last-Modified': new Date(object.atMs).toUTCString(),
    'Content-Type': object.contentType || 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    'Content-Length': String(object.size),
  };
  if (operation === 'HeadObject') return { status: 200, headers };
  const path = state.objectPath(bucket, key);
  const range = /^bytes=(\d+)-(\d*)$/.exec(exchange.req.headers.range ?? '');
  if (!range) return { status: 200, headers, file: { path, start: 0, end: object.size } };
  const start = Number(range[1]);
  const end = Math.min(object.size, range[2] ? Number(range[2]) + 1 : object.size);
  if (start >= end) throw new ServiceError('InvalidRange', 'the range lies outside the object');
  headers['Content-Length'] = String(end - start);
  headers['Content-Range'] = `bytes ${start}-${end - 1}/${object.size}`;
  return { status: 206, headers, file: { path, start, end } };
}

export async function deleteObject(state: State, { bucket, key }: CosRequest): Promise<Answer> {
  if (state.object(bucket, key)) {
    await rm(state.objectPath(bucket, key), { force: true });
    state.record({ type: 'deleted', bucket, key });
  }
  return { status: 204, headers: {} };
}
