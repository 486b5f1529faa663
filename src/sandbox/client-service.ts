import { createHmac } from 'node:crypto';
import { receiveText } from './body.js';
import type { Answer, Exchange, Service } from './exchange.js';
import { hostName, parseQuery, ServiceError, statusPage } from './exchange.js';
import { mediaUrlOf } from './state.js';
import type { SessionRecord, State } from './state.js';
import { checkParams } from './vod-parameters.js';
import type { Sessions } from './vod-sessions.js';

const BODY_LIMIT = 1_000_000;
const LONGEST_SIGNATURE_S = 7_776_000;

/** What the client API serves. */
export const CLIENT_OPERATIONS = ['ApplyUploadUGC', 'CommitUploadUGC', 'PrepareUploadUGC'];

/** The codes of the client API that an uploader meets. */
const INVALID_REQUEST = '10001';
const INVALID_SIGNATURE = '10004';
const INVALID_SESSION = '10005';
const SIGNATURE_EXPIRED = '10010';
const SERVER_ERROR = 500;

export function isClientHost(host: string): boolean {
  return ['vod2.qcloud.com', 'vod2.dnsv1.com'].includes(hostName(host));
}

/** The action a client API call names in its query. */
export function clientAction(rawQuery: string): string {
  return parseQuery(rawQuery)?.get('Action') ?? '';
}

/** Checks a client-upload signature and returns what it says. */
export function checkClientSignature(
  signature: unknown,
  keys: { readonly secretId: string; readonly secretKey: string },
  nowMs: number,
): Map<string, string> {
  const bytes = Buffer.from(typeof signature === 'string' ? signature : '', 'base64');
  const original = bytes.subarray(20);
  const hmac = createHmac('sha1', keys.secretKey).update(original).digest();
  const fields = parseQuery(original.toString('utf8').replaceAll('+', '%20')) ?? new Map();
  const isSigned = hmac.equals(bytes.subarray(0, 20));
  const start = Number(fields.get('currentTimeStamp'));
  const end = Number(fields.get('expireTime'));
  const isWhole = Number.isInteger(start) && Number.isInteger(end) && fields.get('random');
  if (!isSigned || fields.get('secretId') !== keys.secretId || !isWhole) {
    throw new ServiceError(INVALID_SIGNATURE, 'invalid signature');
  }
  if (end <= start || end - start > LONGEST_SIGNATURE_S) {
    throw new ServiceError(INVALID_SIGNATURE, 'the expire time is out of range');
  }
  if (nowMs / 1000 > end) throw new ServiceError(SIGNATURE_EXPIRED, 'signature expired');
  return fields;
}

/** The client (UGC) API, which hands the same sessions out against upload signatures. */
export function createClientService(state: State, sessions: Sessions): Service {
  const spent = new Set<string>();

  async function run(exchange: Exchange): Promise<object> {
    const body = parseBody(await receiveText(exchange, BODY_LIMIT));
    const { signature, ...shown } = body;
    exchange.record.params = shown;
    const signed = checkClientSignature(signature, state.keys, exchange.now());
    if (signed.get('oneTimeValid') === '1') {
      if (spent.has(String(signature))) throw new ServiceError(INVALID_SIGNATURE, 'signature used');
      spent.add(String(signature));
    }
    switch (exchange.record.operation) {
      case 'ApplyUploadUGC': {
        const session = begin(state, sessions, body, signed, exchange.now());
        return sessionData(state, session, exchange.now());
      }
      case 'CommitUploadUGC':
        return commitData(
          state,
          await sessions.commit(String(body['vodSessionKey']), exchange.now()),
        );
      case 'PrepareUploadUGC':
        return { cosRegionList: [] };
      default:
        throw new ServiceError(INVALID_REQUEST, 'ugc upload | invalid request');
    }
  }

  return {
    async perform(exchange) {
      return envelope(0, '成功', await run(exchange));
    },
    refuse(exchange, code, message, status = 200) {
      exchange.record.code = code;
      return { ...envelope(numberFor(code), message), status };
    },
    refuseStatus: (_exchange, status) => statusPage(status),
    garbage: () => ({
      status: 200,
      headers: { 'Content-Type': 'application/json' },
      body: '{"code":',
    }),
  };
}

/** A new session, or for a session key the old one with a fresh certificate. */
function begin(
  state: State,
  sessions: Sessions,
  body: Record<string, unknown>,
  signed: ReadonlyMap<string, string>,
  nowMs: number,
): SessionRecord {
  if (body['vodSessionKey'] !== undefined) {
    const session = state.sessions.get(String(body['vodSessionKey']));
    if (!session) throw new ServiceError(INVALID_SESSION, 'the session is not valid');
    return sessions.renew(session, nowMs);
  }
  if (!body['videoName'] || !body['videoType'] || typeof body['videoSize'] !== 'number') {
    throw new ServiceError(INVALID_REQUEST, 'ugc upload | invalid request');
  }
  const given: Record<string, unknown> = {
    MediaType: body['videoType'],
    MediaName: body['videoName'],
    CoverType: body['coverType'],
    ExpireTime: body['ExpireTime'],
    StorageRegion: signed.get('storageRegion') ?? body['storageRegion'],
    Procedure: signed.get('procedure'),
    SourceContext: signed.get('sourceContext'),
    SessionContext: signed.get('sessionContext'),
    ClassId: numberOf(signed.get('classId')),
    SubAppId: numberOf(signed.get('vodSubAppId')),
  };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return sessions.apply(checkParams('ApplyUpload', Object.fromEntries(present)), nowMs);
}

function commitData(state: State, session: SessionRecord): object {
  const proof = (key: string) => ({ url: mediaUrlOf(state, key), verify_content: '' });
  return {
    video: proof(session.mediaKey),
    ...(session.coverKey === null ? {} : { cover: proof(session.coverKey) }),
    fileId: session.fileId,
  };
}

/** What the codes shared with the server API are called here. */
function numberFor(code: string): number {
  if (code === 'InternalError') return SERVER_ERROR;
  if (code === 'InvalidParameterValue.VodSessionKey') return Number(INVALID_SESSION);
  return Number(/^\d+$/.test(code) ? code : INVALID_REQUEST);
}

function envelope(code: number, message: string, data: object = {}): Answer {
  const body = JSON.stringify({ code, message, data });
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function parseBody(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // answered below
  }
  throw new ServiceError(INVALID_REQUEST, 'ugc upload | invalid request');
}

function sessionData(state: State, session: SessionRecord, nowMs: number): object {
  const certificate = session.certificates.at(-1);
  const mark = session.bucket.lastIndexOf('-');
  const place = (key: string) => ({ storageSignature: '', storagePath: `/${key}` });
  return {
    video: place(session.mediaKey),
    ...(session.coverKey === null ? {} : { cover: place(session.coverKey) }),
    storageAppId: Number(session.bucket.slice(mark + 1)),
    storageBucket: session.bucket.slice(0, mark),
    storageRegion: session.region,
    storageRegionV5: session.region,
    StorageRegionV5: session.region,
    domain: 'vod2.qcloud.com',
    vodSessionKey: session.sessionKey,
    tempCertificate: certificate && {
      secretId: certificate.secretId,
      secretKey: certificate.secretKey,
      token: certificate.token,
      expiredTime: certificate.expiresAtMs / 1000,
    },
    appId: state.keys.appId,
    timestamp: Math.floor(nowMs / 1000),
  };
}
