import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { decodePercent, hostName, ServiceError } from './exchange.js';

const SKEW_MS = 15 * 60_000;

export interface SignedRequest {
  readonly method: string;
  /** Decoded, with its leading slash. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: IncomingHttpHeaders;
}

export interface CosSignature {
  readonly secretId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly keyTime: string;
  readonly headerNames: readonly string[];
  readonly paramNames: readonly string[];
  readonly signature: string;
}

/** The characters encodeURIComponent leaves alone and COS does not. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const FIELDS = [
  'sign-algorithm',
  'ak',
  'sign-time',
  'key-time',
  'header-list',
  'url-param-list',
  'signature',
];

export function parseCosSignature(authorization: string | undefined): CosSignature {
  if (!authorization) throw new ServiceError('AccessDenied', 'the request is not signed');
  const fields = new Map<string, string>();
  for (const pair of authorization.trim().split('&')) {
    const mark = pair.indexOf('=');
    if (mark > 0) fields.set(pair.slice(0, mark), pair.slice(mark + 1));
  }
  const [algorithm, ak, signTime, keyTime, headerList, paramList, signature] = FIELDS.map((name) =>
    fields.get(`q-${name}`),
  );
  const times = /^(\d+);(\d+)$/.exec(decodePercent(keyTime ?? '') ?? '');
  if (algorithm !== 'sha1' || !ak || !times || signTime !== keyTime || !signature) {
    throw new ServiceError('InvalidArgument', 'the Authorization header cannot be read');
  }
  return {
    secretId: ak,
    startMs: Number(times[1]) * 1000,
    endMs: Number(times[2]) * 1000,
    keyTime: times[0],
    headerNames: splitNames(headerList),
    paramNames: splitNames(paramList),
    signature,
  };
}

function splitNames(list: string | undefined): string[] {
  const text = decodePercent(list ?? '') ?? '';
  const names = text === '' ? [] : text.split(';');
  if (
    names.some((name, i) => name !== name.toLowerCase() || (i > 0 && name < (names[i - 1] ?? '')))
  ) {
    throw new ServiceError('SignatureDoesNotMatch', 'a signed list is not in lower case and order');
  }
  return names;
}

export function checkKeyTime(
  signature: CosSignature,
  dateHeader: string | undefined,
  nowMs: number,
) {
  const date = dateHeader === undefined ? NaN : Date.parse(dateHeader);
  if (Math.abs(date - nowMs) > SKEW_MS || signature.startMs - nowMs > SKEW_MS) {
    throw new ServiceError('RequestTimeTooSkewed', 'the request time differs too much from ours');
  }
  if (nowMs < signature.startMs || nowMs > signature.endMs) {
    throw new ServiceError('AccessDenied', 'Request has expired');
  }
}

/** Throws unless the request was signed with this key, in every part the signature lists. */
export function checkCosSignature(
  request: SignedRequest,
  signature: CosSignature,
  secretKey: string,
): void {
  const unsigned = [...request.query.keys()].find(
    (name) =>
      name !== 'x-cos-security-token' && !signature.paramNames.includes(encode(name).toLowerCase()),
  );
  if (unsigned !== undefined) {
    const text = `Strict signature missing param that must be signed: ${unsigned}`;
    throw new ServiceError('AccessDenied', text);
  }
  const hosts = new Set([request.headers.host ?? '', hostName(request.headers.host ?? '')]);
  const accepted = [...hosts].some(
    (host) => signature.signature === sign(request, signature, secretKey, host),
  );
  if (!accepted) {
    const text = 'The Signature you specified is invalid.';
    throw new ServiceError('SignatureDoesNotMatch', text);
  }
}

/** The signature this request should carry; undefined when something listed is not there. */
function sign(
  request: SignedRequest,
  { keyTime, headerNames, paramNames }: CosSignature,
  secretKey: string,
  host: string,
): string | undefined {
  const params = new Map<string, string>();
  for (const [name, value] of request.query) params.set(encode(name).toLowerCase(), value);
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(request.headers)) {
    headers.set(encode(name).toLowerCase(), Array.isArray(value) ? value.join(',') : (value ?? ''));
  }
  headers.set('host', host);
  if (paramNames.some((name) => !params.has(name))) return undefined;
  if (headerNames.some((name) => !headers.has(name))) return undefined;
  const http = [
    request.method.toLowerCase(),
    request.path,
    paramNames.map((name) => `${name}=${encode(params.get(name) ?? '')}`).join('&'),
    headerNames.map((name) => `${name}=${encode(headers.get(name) ?? '')}`).join('&'),
    '',
  ].join('\n');
  const digest = createHash('sha1').update(http).digest('hex');
  const signKey = createHmac('sha1', secretKey).update(keyTime).digest('hex');
  return createHmac('sha1', signKey).update(`sha1\n${keyTime}\n${digest}\n`).digest('hex');
}
