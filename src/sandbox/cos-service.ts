import { randomBytes } from 'node:crypto';
import { codeOf, statusOf } from './cos-errors.js';
import { listParts, listUploads } from './cos-lists.js';
import { abortUpload, completeUpload, initiateUpload, uploadPart } from './cos-multipart.js';
import type { Merging } from './cos-multipart.js';
import { deleteObject, getObject, putObject } from './cos-objects.js';
import type { CosOperation, CosRequest } from './cos-request.js';
import { checkKey, parseCosRequest } from './cos-request.js';
import { checkCosSignature, checkKeyTime, parseCosSignature } from './cos-signature.js';
import { xmlDocument } from './cos-xml.js';
import type { Answer, Exchange, Service } from './exchange.js';
import { decodePercent, ServiceError } from './exchange.js';
import type { SessionRecord, State } from './state.js';

type Deed = (request: CosRequest, exchange: Exchange) => Promise<Answer> | Answer;

function createDeeds(state: State): Record<CosOperation, Deed> {
  const merging: Merging = new Map();
  return {
    PutObject: (request, exchange) => putObject(state, request, exchange),
    HeadObject: (request, exchange) => getObject(state, request, exchange),
    GetObject: (request, exchange) => getObject(state, request, exchange),
    DeleteObject: (request) => deleteObject(state, request),
    InitiateMultipartUpload: (request, exchange) => initiateUpload(state, request, exchange),
    UploadPart: (request, exchange) => uploadPart(state, merging, request, exchange),
    CompleteMultipartUpload: (request, exchange) =>
      completeUpload(state, merging, request, exchange),
    AbortMultipartUpload: (request) => abortUpload(state, merging, request),
    ListParts: (request) => listParts(state, request),
    ListMultipartUploads: (request) => listUploads(state, request),
    Unknown: () => {
      throw new ServiceError('MethodNotAllowed', 'no operation has this method and parameters');
    },
  };
}

/** The object storage that sessions upload to. */
export function createCosService(state: State): Service {
  const deeds = createDeeds(state);
  return {
    async perform(exchange) {
      const request = parseCosRequest(exchange.target);
      authorize(state, request, exchange);
      const answer = await deeds[request.operation](request, exchange);
      const headers = { ...answer.headers, 'x-cos-request-id': makeRequestId(exchange) };
      return { ...answer, headers };
    },
    refuse,
    refuseStatus(exchange, status) {
      const code = codeOf(status);
      if (code !== undefined) return refuse(exchange, code, `status ${status}`, status);
      return { status, headers: { 'Content-Type': 'text/html' }, body: `<h1>${status}</h1>` };
    },
    garbage: (exchange) => ({
      status: 200,
      headers: { 'Content-Type': 'application/xml', 'x-cos-request-id': makeRequestId(exchange) },
      body: "<?xml version='1.0' encoding='utf-8' ?><Garbage><Unclosed>",
    }),
  };
}

function refuse(
  exchange: Exchange,
  code: string,
  message: string,
  status = statusOf(code),
): Answer {
  exchange.record.code = code;
  const requestId = makeRequestId(exchange);
  const traceId = randomBytes(48).toString('base64');
  const body = xmlDocument('Error', [
    ['Code', code],
    ['Message', message],
    ['Resource', `${exchange.target.host}${exchange.target.path}`],
    ['RequestId', requestId],
    ['TraceId', traceId],
  ]);
  const headers = {
    'Content-Type': 'application/xml',
    'x-cos-request-id': requestId,
    'x-cos-trace-id': traceId,
  };
  return { status, headers, body };
}

function makeRequestId(exchange: Exchange): string {
  const seconds = Math.floor(exchange.now() / 1000).toString(16);
  const text = `${seconds}_${randomBytes(4).toString('hex')}_${randomBytes(6).toString('hex')}`;
  return Buffer.from(text).toString('base64url');
}

/** Whose key signed, and what it may touch: the account's own may touch everything. */
interface Signer {
  readonly secretKey: string;
  readonly token?: string;
  readonly expiresAtMs: number;
  readonly session?: SessionRecord;
}

function signerOf(state: State, secretId: string): Signer {
  if (secretId === state.keys.secretId) {
    return { secretKey: state.keys.secretKey, expiresAtMs: Infinity };
  }
  const session = state.sessionOfCertificate(secretId);
  const certificate = session?.certificates.find((one) => one.secretId === secretId);
  if (!session || !certificate) {
    const text = 'The Access Key Id you provided does not exist in our records.';
    throw new ServiceError('InvalidAccessKeyId', text);
  }
  return { ...certificate, session };
}

/** Who asks, whether they may, and with a signature that says so. */
function authorize(state: State, request: CosRequest, exchange: Exchange): void {
  const { headers } = exchange.req;
  const path = decodePercent(exchange.target.path);
  if (path === undefined) throw new ServiceError('InvalidURI', 'the path is badly encoded');
  const signature = parseCosSignature(headers.authorization);
  const { secretKey, token, expiresAtMs, session } = signerOf(state, signature.secretId);
  const given = headers['x-cos-security-token'] ?? request.query.get('x-cos-security-token');
  if (given !== token) {
    throw new ServiceError('AccessDenied', 'the security token does not belong to this key');
  }
  if (exchange.now() >= expiresAtMs) {
    throw new ServiceError('ExpiredToken', 'The provided token has expired.');
  }
  checkKeyTime(signature, headers.date, exchange.now());
  const { query } = request;
  const { method } = exchange.target;
  checkCosSignature({ method, path, query, headers }, signature, secretKey);
  checkBucket(state, request);
  if (session) checkScope(session, request);
  if (request.key !== '') checkKey(request.key);
}

function checkBucket(state: State, { bucket, region }: CosRequest): void {
  if (bucket === '' || bucket !== state.bucketOf(region)) {
    throw new ServiceError('NoSuchBucket', 'The specified bucket does not exist.');
  }
}

/** A certificate covers the directory of its media, and nothing else. */
function checkScope(session: SessionRecord, { bucket, key, query, operation }: CosRequest): void {
  if (operation === 'Unknown') return;
  const asked = operation === 'ListMultipartUploads' ? (query.get('prefix') ?? '') : key;
  const directory = session.mediaKey.slice(0, session.mediaKey.lastIndexOf('/') + 1);
  if (bucket !== session.bucket || !asked.startsWith(directory)) {
    throw new ServiceError('AccessDenied', 'Access Denied.');
  }
}
