import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { hostName, ServiceError } from './exchange.js';

const SKEW_MS = 5 * 60_000;

export interface KeyPair {
  readonly secretId: string;
  readonly secretKey: string;
}

export interface Tc3Request {
  readonly method: string;
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

const AUTHORIZATION =
  /^TC3-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{4}-\d\d-\d\d)\/([^/,\s]+)\/tc3_request,\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)$/;

/** Throws unless the call carries a good and timely TC3-HMAC-SHA256 signature of this key pair. */
export function checkTc3(request: Tc3Request, keys: KeyPair, nowMs: number): void {
  const { headers } = request;
  const found = AUTHORIZATION.exec(headers.authorization ?? '');
  if (!found) throw signatureFailure('the Authorization header cannot be read');
  const [, secretId = '', date = '', service = '', list = '', signature = ''] = found;
  const timestamp = header(headers, 'x-tc-timestamp');
  checkTimestamp(timestamp, nowMs);
  checkSecretId(secretId, keys);
  checkToken(header(headers, 'x-tc-token'));
  const names = list.split(';');
  const missing = ['content-type', 'host', ...names].find(
    (name) => !names.includes(name) || (name !== 'host' && headers[name] === undefined),
  );
  if (missing !== undefined)
    throw signatureFailure(`the header ${missing} is not there and signed`);
  const day = new Date(Number(timestamp) * 1000).toISOString().slice(0, 10);
  if (service !== 'vod' || date !== day) {
    throw signatureFailure(`the credential scope is ${date}/${service}, not ${day}/vod`);
  }
  const accepted = canonicalHeaders(headers, names).some(
    (canonical) => signature === signTc3(request, canonical, list, timestamp, day, keys.secretKey),
  );
  if (!accepted) throw signatureFailure('the signature does not match');
}

function signatureFailure(reason: string): ServiceError {
  const text = `The provided credentials could not be validated: ${reason}.`;
  return new ServiceError('AuthFailure.SignatureFailure', text);
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** Clients differ in signing the host with its port or without, and values in lower case or as sent. */
function canonicalHeaders(headers: IncomingHttpHeaders, names: readonly string[]): string[] {
  const host = header(headers, 'host');
  const readings: string[] = [];
  for (const hostReading of [host, hostName(host)]) {
    const values = names.map((name) => (name === 'host' ? hostReading : header(headers, name)));
    const asSent = names.map((name, i) => `${name}:${values[i]?.trim()}\n`).join('');
    const lowered = names.map((name, i) => `${name}:${values[i]?.trim().toLowerCase()}\n`).join('');
    readings.push(asSent, lowered);
  }
  return [...new Set(readings)];
}

function signTc3(
  request: Tc3Request,
  canonical: string,
  signedHeaders: string,
  timestamp: string,
  day: string,
  secretKey: string,
): string {
  const { method, rawQuery, body } = request;
  const lines = [method, '/', rawQuery, canonical, signedHeaders, sha256(body)].join('\n');
  const toSign = `TC3-HMAC-SHA256\n${timestamp}\n${day}/vod/tc3_request\n${sha256(lines)}`;
  const key = ['vod', 'tc3_request'].reduce(hmac256, hmac256(`TC3${secretKey}`, day));
  return hmac256(key, toSign).toString('hex');
}

function hmac256(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function checkTimestamp(seconds: string, nowMs: number): void {
  if (!/^\d{1,12}$/.test(seconds)) {
    throw new ServiceError('InvalidParameter', 'the timestamp is not a whole number');
  }
  if (Math.abs(Number(seconds) * 1000 - nowMs) > SKEW_MS) {
    const text = 'the timestamp differs from ours by more than five minutes';
    throw new ServiceError('AuthFailure.SignatureExpire', text);
  }
}

function checkSecretId(secretId: string, keys: KeyPair): void {
  if (secretId !== keys.secretId) {
    throw new ServiceError('AuthFailure.SecretIdNotFound', 'The SecretId is not found.');
  }
}

function checkToken(token: string): void {
  if (token !== '') {
    throw new ServiceError('AuthFailure.TokenFailure', 'a permanent key pair takes no token');
  }
}

const DIGESTS: Readonly<Record<string, string>> = { HmacSHA1: 'sha1', HmacSHA256: 'sha256' };

/** The same for the older signature (v1), over the sorted form parameters. */
export function checkV1(
  method: string,
  host: string,
  form: ReadonlyMap<string, string>,
  keys: KeyPair,
  nowMs: number,
): void {
  for (const name of ['Signature', 'SecretId', 'Timestamp', 'Nonce']) {
    if (!form.get(name)) throw new ServiceError('MissingParameter', `${name} is missing`);
  }
  checkTimestamp(form.get('Timestamp') ?? '', nowMs);
  checkSecretId(form.get('SecretId') ?? '', keys);
  checkToken(form.get('Token') ?? '');
  const digest = DIGESTS[form.get('SignatureMethod') ?? 'HmacSHA1'];
  if (digest === undefined) throw signatureFailure('its method is unknown');
  const pairs = [...form].filter(([name]) => name !== 'Signature');
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  const text = pairs.map(([name, value]) => `${name}=${value}`).join('&');
  const given = Buffer.from(form.get('Signature') ?? '', 'base64');
  const accepted = [host, hostName(host)].some((reading) => {
    const hmac = createHmac(digest, keys.secretKey).update(`${method}${reading}/?${text}`);
    return hmac.digest().equals(given);
  });
  if (!accepted) throw signatureFailure('the signature does not match');
}
