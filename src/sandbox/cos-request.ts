import type { Exchange, Target } from './exchange.js';
import { decodePercent, hostName, parseQuery, ServiceError } from './exchange.js';

/** What a request to COS asks for. */
export interface CosRequest {
  readonly operation: CosOperation;
  readonly bucket: string;
  readonly region: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

export type CosOperation = (typeof SHAPES)[number]['operation'] | 'Unknown';

const PAGING = ['encoding-type'];

/** Which method and parameters make which operation. */
const SHAPES = [
  shape('UploadPart', 'PUT', true, ['partNumber', 'uploadId'], []),
  shape('PutObject', 'PUT', true, [], []),
  shape('InitiateMultipartUpload', 'POST', true, ['uploads'], []),
  shape('CompleteMultipartUpload', 'POST', true, ['uploadId'], []),
  shape('ListParts', 'GET', true, ['uploadId'], ['max-parts', 'part-number-marker', ...PAGING]),
  shape('AbortMultipartUpload', 'DELETE', true, ['uploadId'], []),
  shape('HeadObject', 'HEAD', true, [], []),
  shape('GetObject', 'GET', true, [], []),
  shape('DeleteObject', 'DELETE', true, [], []),
  shape(
    'ListMultipartUploads',
    'GET',
    false,
    ['uploads'],
    ['prefix', 'delimiter', 'max-uploads', 'key-marker', 'upload-id-marker', ...PAGING],
  ),
] as const;

function shape<Name extends string>(
  operation: Name,
  method: string,
  ofKey: boolean,
  needs: readonly string[],
  allows: readonly string[],
) {
  return { operation, method, ofKey, needs, allows };
}

export const COS_OPERATIONS = SHAPES.map(({ operation }) => operation);

const HOST = /^([a-z\d-]+-\d+)\.cos\.([a-z\d-]+)\.(?:myqcloud\.com|tencentcos\.cn)$/;

export function isCosHost(host: string): boolean {
  return /\.(?:myqcloud\.com|tencentcos\.cn)$/.test(hostName(host));
}

/** Reads a request to COS without judging it: what cannot be understood is `Unknown`. */
export function parseCosRequest(target: Target): CosRequest {
  const [, bucket = '', region = ''] = HOST.exec(hostName(target.host)) ?? [];
  const key = decodePercent(target.path)?.slice(1);
  const query = parseQuery(target.rawQuery);
  if (key === undefined || query === undefined) {
    return { operation: 'Unknown', bucket, region, key: '', query: new Map() };
  }
  const names = [...query.keys()].filter((name) => name !== 'x-cos-security-token');
  const found = SHAPES.find(
    ({ method, ofKey, needs, allows }) =>
      method === target.method &&
      ofKey === (key !== '') &&
      needs.every((name) => names.includes(name)) &&
      names.every((name) => needs.includes(name) || allows.includes(name)),
  );
  return { operation: found?.operation ?? 'Unknown', bucket, region, key, query };
}

const KEY_LIMIT = 850;

/** Keys are files here: what no file can be called is refused. */
export function checkKey(key: string): void {
  if (encodeURIComponent(key).length > KEY_LIMIT || Buffer.byteLength(key) > KEY_LIMIT) {
    throw new ServiceError('KeyTooLong', `the key is longer than ${KEY_LIMIT} bytes`);
  }
  const names = key.split('/');
  if (key.includes('\0') || names.some((name) => name === '' || name === '.' || name === '..')) {
    throw new ServiceError('InvalidURI', `the key "${key}" is not a plain path`);
  }
  if (names.some((name) => Buffer.byteLength(name) > 255)) {
    throw new ServiceError('KeyTooLong', 'a name in the key is longer than a file name can be');
  }
}

const PART_LIMIT = 5 * 2 ** 30;

/** Refuses by its headers a body that could not be stored. */
export function checkBodyHeaders(exchange: Exchange, mayBeChunked: boolean): void {
  const { headers } = exchange.req;
  const length = headers['content-length'];
  if (length === undefined && !(mayBeChunked && headers['transfer-encoding'])) {
    throw new ServiceError('MissingContentLength', 'You must provide the Content-Length header.');
  }
  if (Number(length ?? 0) > PART_LIMIT) {
    throw new ServiceError('EntityTooLarge', 'a single body is at most 5 GB');
  }
  const limit = headers['x-cos-traffic-limit'];
  if (limit !== undefined && !(Number(limit) >= 819_200 && Number(limit) <= 838_860_800)) {
    throw new ServiceError('InvalidArgument', 'x-cos-traffic-limit is out of range');
  }
  const md5 = contentMd5(exchange);
  if (md5 !== undefined && Buffer.from(md5, 'base64').length !== 16) {
    throw new ServiceError('InvalidDigest', 'The Content-MD5 you specified is not valid.');
  }
}

/** Compares what came with what was announced. */
export function checkDigest(exchange: Exchange, md5: Buffer): void {
  const announced = contentMd5(exchange);
  if (announced !== undefined && announced !== md5.toString('base64')) {
    throw new ServiceError('BadDigest', 'The Content-MD5 did not match what we received.');
  }
}

function contentMd5(exchange: Exchange): string | undefined {
  const value = exchange.req.headers['content-md5'];
  return Array.isArray(value) ? value[0] : value;
}

/** A whole number within bounds, or the value that holds when none is given. */
export function numberParam(
  query: ReadonlyMap<string, string>,
  name: string,
  fallback: number,
  limit: number,
): number {
  const text = query.get(name);
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > limit) {
    throw new ServiceError('InvalidArgument', `${name} is not a whole number up to ${limit}`);
  }
  return value;
}
