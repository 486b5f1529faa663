import { createHash, createHmac } from 'node:crypto';
import { request } from 'node:http';
import type { Agent, IncomingHttpHeaders } from 'node:http';
import type { Sandbox } from '../../src/sandbox/sandbox.js';

/** A signer and sender of its own, so that tests of the sandbox need no client of the product. */

/** What a caller must know of a sandbox. */
export type Served = Pick<Sandbox, 'port' | 'secretId' | 'secretKey'>;

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Applied {
  readonly StorageBucket: string;
  readonly StorageRegion: string;
  readonly MediaStoragePath: string;
  readonly CoverStoragePath: string | null;
  readonly VodSessionKey: string;
  readonly TempCertificate: {
    readonly SecretId: string;
    readonly SecretKey: string;
    readonly Token: string;
    readonly ExpiredTime: number;
  };
}

interface Sending {
  readonly method: string;
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal;
  readonly agent?: Agent;
}

export function send(sandbox: Pick<Sandbox, 'port'>, sending: Sending): Promise<WireAnswer> {
  const { method, target, headers, body, signal, agent } = sending;
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: '127.0.0.1',
        port: sandbox.port,
        method,
        path: target,
        headers,
        agent: agent ?? false,
        setHost: false,
        ...(signal ? { signal } : {}),
      },
      (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => (text += chunk));
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
        res.on('error', reject);
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

export interface VodCall {
  readonly secretId?: string;
  readonly secretKey?: string;
  readonly host?: string;
  readonly service?: string;
  readonly timestamp?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** One call of the VOD API, signed TC3; what `call` says differs from a good one. */
export function callVod(
  sandbox: Served,
  action: string,
  params: object | string,
  call: VodCall = {},
): Promise<WireAnswer> {
  const host = call.host ?? 'vod.tencentcloudapi.com';
  const timestamp = call.timestamp ?? Math.floor(Date.now() / 1000);
  const body = typeof params === 'string' ? params : JSON.stringify(params);
  const day = new Date(timestamp * 1000).toISOString().slice(0, 10);
  const scope = `${day}/${call.service ?? 'vod'}/tc3_request`;
  const canonical = `POST\n/\n\ncontent-type:application/json\nhost:${host}\n\ncontent-type;host\n${sha256(body)}`;
  const toSign = `TC3-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256(canonical)}`;
  let key: Buffer | string = `TC3${call.secretKey ?? sandbox.secretKey}`;
  for (const step of scope.split('/')) key = createHmac('sha256', key).update(step).digest();
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  const credential = `${call.secretId ?? sandbox.secretId}/${scope}`;
  const headers = {
    Host: host,
    'Content-Type': 'application/json',
    'X-TC-Action': action,
    'X-TC-Version': '2018-07-17',
    'X-TC-Timestamp': String(timestamp),
    'X-TC-Region': 'ap-guangzhou',
    Authorization: `TC3-HMAC-SHA256 Credential=${credential}, SignedHeaders=content-type;host, Signature=${signature}`,
    ...call.headers,
  };
  const { signal } = call;
  return send(sandbox, {
    method: 'POST',
    target: '/',
    headers,
    body,
    ...(signal ? { signal } : {}),
  });
}

/** The result of a call that succeeds. */
export async function vod<T>(sandbox: Served, action: string, params: object): Promise<T> {
  const { text } = await callVod(sandbox, action, params);
  const { Response } = JSON.parse(text) as { Response: T & { Error?: { Code: string } } };
  if (Response.Error) throw new Error(`${action}: ${Response.Error.Code}`);
  return Response;
}

/** The error code in a VOD answer, if it is one. */
export function vodCode(answer: WireAnswer): string | undefined {
  return (JSON.parse(answer.text) as { Response: { Error?: { Code: string } } }).Response.Error
    ?.Code;
}

/** The error code in a COS answer, if it is one. */
export function cosCode(answer: WireAnswer): string | undefined {
  return /<Error>.*<Code>(.*?)<\/Code>/s.exec(answer.text)?.[1];
}

export interface CosCall {
  readonly secretId?: string;
  readonly secretKey?: string;
  /** '' for none. */
  readonly token?: string;
  readonly keyTime?: string;
  readonly host?: string;
  /** Headers that are signed and sent. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers put over them after signing; '' takes one away. */
  readonly unsigned?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly isAbsolute?: boolean;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** One COS request, signed; `path` is `/key` or `/key?query`, not encoded. */
export function callCos(
  sandbox: Pick<Sandbox, 'port'>,
  applied: Applied,
  method: string,
  path: string,
  call: CosCall = {},
): Promise<WireAnswer> {
  const { TempCertificate: certificate, StorageBucket, StorageRegion } = applied;
  const [key = '', query] = path.split('?');
  const host = call.host ?? `${StorageBucket}.cos.${StorageRegion}.myqcloud.com`;
  const signed = { host, ...call.headers };
  const length = { 'content-length': String(Buffer.byteLength(call.body ?? '')) };
  const headers = {
    ...signed,
    ...(['PUT', 'POST'].includes(method) ? length : {}),
    Authorization: authorize(certificate, method, key, query, signed, call),
    'x-cos-security-token': call.token ?? certificate.Token,
    ...call.unsigned,
  };
  const sent = Object.entries(headers).filter(([, value]) => value !== '');
  const origin = call.isAbsolute ? `http://${host}` : '';
  const question = query === undefined ? '' : `?${query}`;
  const target = `${origin}${key.split('/').map(encode).join('/')}${question}`;
  const { body, signal, agent } = call;
  return send(sandbox, {
    ...{ method, target, headers: Object.fromEntries(sent) },
    ...(body === undefined ? {} : { body }),
    ...(agent ? { agent } : {}),
    ...(signal ? { signal } : {}),
  });
}

/** Begins a multipart upload; its id. */
export async function initiate(
  sandbox: Pick<Sandbox, 'port'>,
  applied: Applied,
  path: string,
): Promise<string> {
  const { text } = await callCos(sandbox, applied, 'POST', `${path}?uploads`);
  return /<UploadId>(\w+)</.exec(text)?.[1] ?? '';
}

function authorize(
  certificate: Applied['TempCertificate'],
  method: string,
  key: string,
  query: string | undefined,
  headers: Readonly<Record<string, string>>,
  call: CosCall,
): string {
  const now = Math.floor(Date.now() / 1000);
  const keyTime = call.keyTime ?? `${now - 1};${now + 899}`;
  const params = (query?.split('&') ?? []).map((pair) => {
    const [name = '', value = ''] = pair.split('=');
    return [name.toLowerCase(), value] as const;
  });
  const secretKey = call.secretKey ?? certificate.SecretKey;
  const rest = signCos(secretKey, keyTime, method, key, params, headers);
  return `q-sign-algorithm=sha1&q-ak=${call.secretId ?? certificate.SecretId}&${rest}`;
}

function signCos(
  secretKey: string,
  keyTime: string,
  method: string,
  path: string,
  params: readonly (readonly [string, string])[],
  headers: Readonly<Record<string, string>>,
): string {
  const sorted = [...params].sort(([a], [b]) => (a < b ? -1 : 1));
  const names = Object.keys(headers).sort();
  const http = [
    method.toLowerCase(),
    path,
    sorted.map(([name, value]) => `${encode(name)}=${encode(decodeURIComponent(value))}`).join('&'),
    names.map((name) => `${encode(name)}=${encode(headers[name] ?? '')}`).join('&'),
    '',
  ].join('\n');
  const signKey = createHmac('sha1', secretKey).update(keyTime).digest('hex');
  const digest = createHash('sha1').update(http).digest('hex');
  const signature = createHmac('sha1', signKey)
    .update(`sha1\n${keyTime}\n${digest}\n`)
    .digest('hex');
  const paramList = sorted.map(([name]) => encode(name).toLowerCase()).join(';');
  return `q-sign-time=${keyTime}&q-key-time=${keyTime}&q-header-list=${names.join(';')}&q-url-param-list=${paramList}&q-signature=${signature}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
