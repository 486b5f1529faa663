import { UploadFailure, type FailureCode, type FailureFacts } from '../core/errors.js';
import { offsetFromDate } from '../net/clock.js';
import type { HttpAnswer } from '../net/answer.js';
import { codingRemark, quoted } from '../net/quoted.js';
import { waitAskedFor } from '../net/retry-after.js';

/** Service code → failure code (protocol: COS, 1.3). */
export const COS_FAILURES: ReadonlyMap<string, FailureCode> = new Map(
  Object.entries({
    ExpiredToken: 'session-expired',
    RequestTimeTooSkewed: 'clock-skewed',
    InvalidAccessKeyId: 'bad-credentials',
    SignatureDoesNotMatch: 'bad-credentials',
    AccessDenied: 'permission-denied',
    PaymentRequired: 'account-not-ready',
    UnavailableForLegalReasons: 'account-not-ready',
    BadDigest: 'corrupted',
    InvalidDigest: 'corrupted',
    InvalidSHA1Digest: 'corrupted',
    IncompleteBody: 'network',
    EntitySizeNotMatch: 'network',
    RequestTimeout: 'network',
    UserNetworkTooSlow: 'network',
    NoSuchUpload: 'upload-gone',
    InvalidPart: 'upload-gone',
    InvalidPartOrder: 'upload-gone',
    EntityTooSmall: 'upload-gone',
    NoSuchKey: 'upload-gone',
    PathConflict: 'service-unavailable',
    UploadConflict: 'service-unavailable',
    InternalError: 'service-unavailable',
    ServiceUnavailable: 'service-unavailable',
    SlowDown: 'throttled',
    KmsFreqControl: 'throttled',
  }),
);

/** Throws the failure that an answer of COS stands for; returns where it is a good one. */
export function assertCosAnswer(operation: string, answer: HttpAnswer): void {
  const requestId = answer.headers['x-cos-request-id'];
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (requestId === undefined) throw withoutRequestId(operation, answer);
  if (isSuccess && !holdsError(answer.body)) return;
  throw failureOf(operation, answer, String(requestId), parseError(answer));
}

/** Where the hint of the table speaks of VOD. */
const HINTS: Partial<Record<FailureCode, string>> = {
  'permission-denied':
    'The certificate that VOD granted does not allow this: check the storage of the sub-application in the console.',
  'account-not-ready':
    'Check in the console that the account owes nothing and that its storage is not blocked.',
  throttled:
    'Run the same command again later, or use fewer connections (--part-concurrency) or a lower --limit-rate.',
};

function hintFor(code: FailureCode): Pick<FailureFacts, 'hint'> {
  const hint = HINTS[code];
  return hint === undefined ? {} : { hint };
}

interface ServiceError {
  readonly code: string;
  readonly message: string;
}

function failureOf(
  operation: string,
  answer: HttpAnswer,
  requestId: string,
  error: ServiceError | undefined,
): UploadFailure {
  const serviceCode = error?.code ?? `HTTP ${answer.status}`;
  const code = codeOf(error) ?? codeOfStatus(answer.status, error);
  const offset = offsetFromDate(answer.headers['date']);
  const reason = error ? error.message && `: ${error.message}` : codingRemark(answer);
  return new UploadFailure(code, `${operation}: ${serviceCode}${reason}`, {
    serviceCode,
    requestId: quoted(requestId, answer),
    ambiguous: answer.status < 300 || answer.status >= 500,
    ...waitAskedFor(answer.headers),
    ...hintFor(code),
    ...(code === 'clock-skewed' && offset !== undefined ? { clockOffsetMs: offset } : {}),
  });
}

/** Some answers are AccessDenied by their code, and carry the true one as their message. */
function codeOf(error: ServiceError | undefined): FailureCode | undefined {
  if (error === undefined) return undefined;
  if (error.code === 'AccessDenied') {
    if (/request has expired/i.test(error.message)) return 'clock-skewed';
    if (/token\W.*expired|expired.*token/i.test(error.message)) return 'session-expired';
  }
  return COS_FAILURES.get(error.message) ?? COS_FAILURES.get(error.code);
}

function codeOfStatus(status: number, error?: ServiceError): FailureCode {
  if (status === 429) return 'throttled';
  if (status >= 500) return 'service-unavailable';
  // COS says why it refuses; without that the answer came broken, or from something in between.
  return error === undefined ? 'not-the-service' : 'bad-request';
}

/** Every answer of COS names its request; one that does not came from something in between. */
function withoutRequestId(operation: string, answer: HttpAnswer): UploadFailure {
  const { status } = answer;
  const code = codeOfStatus(status);
  const remark = code === 'not-the-service' ? ' without a request id: this is not COS' : '';
  return new UploadFailure(code, `${operation}: HTTP ${status}${remark}`, {
    ambiguous: code !== 'throttled',
    ...hintFor(code),
    ...waitAskedFor(answer.headers),
  });
}

function holdsError(body: Buffer): boolean {
  return /^\s*(<\?xml[^>]*\?>)?\s*<Error[\s>]/.test(body.toString('utf8', 0, 8192));
}

function parseError(answer: HttpAnswer): ServiceError | undefined {
  const xml = answer.body.toString('utf8', 0, 65_536);
  const code = /<Code>([^<]*)<\/Code>/.exec(xml)?.[1];
  if (code === undefined) return undefined;
  return {
    code: quoted(code, answer),
    message: quoted(/<Message>([^<]*)<\/Message>/.exec(xml)?.[1] ?? '', answer),
  };
}
