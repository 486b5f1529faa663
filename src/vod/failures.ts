import { UploadFailure, type FailureCode } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { HttpAnswer } from '../net/request.js';
import { offsetFromDate } from '../net/clock.js';
import { retryAfterMs } from '../net/retry-after.js';

/**
 * Service code → failure code. The longest name that is the code itself, or ends before one of its
 * dots, decides: `AuthFailure` stands for every `AuthFailure.…` that is not named.
 */
export const VOD_FAILURES: Readonly<Record<string, FailureCode>> = {
  'AuthFailure.SignatureExpire': 'clock-skewed',
  'AuthFailure.UnauthorizedOperation': 'permission-denied',
  AuthFailure: 'bad-credentials',
  UnauthorizedOperation: 'permission-denied',
  'FailedOperation.NoPrivileges': 'permission-denied',
  'FailedOperation.InvalidVodUser': 'account-not-ready',
  'FailedOperation.InvalidAccount': 'account-not-ready',
  'InvalidParameterValue.SubAppId': 'account-not-ready',
  RequestLimitExceeded: 'throttled',
  InternalError: 'service-unavailable',
  ResourceUnavailable: 'service-unavailable',
  ResourceInsufficient: 'service-unavailable',
  'FailedOperation.NetWorkError': 'service-unavailable',
  'InvalidParameterValue.VodSessionKey': 'session-expired',
  ResourceNotFound: 'upload-gone',
};

/** An unforeseen code is about this request: repeating it would not help. */
const DEFAULT_FAILURE: FailureCode = 'bad-request';

export function vodFailureCode(serviceCode: string): FailureCode {
  for (
    let name = serviceCode;
    name !== '';
    name = name.slice(0, Math.max(0, name.lastIndexOf('.')))
  ) {
    const code = VOD_FAILURES[name];
    if (code !== undefined) return code;
  }
  return DEFAULT_FAILURE;
}

interface Envelope {
  readonly Response: {
    readonly RequestId?: string;
    readonly Error?: { readonly Code?: string; readonly Message?: string };
  };
}

/** Throws the failure that an answer of the VOD API stands for; returns where it is a good one. */
export function assertVodAnswer(action: string, answer: HttpAnswer): void {
  const envelope = parseEnvelope(answer.body);
  const error = envelope?.Response.Error;
  if (envelope !== undefined && error === undefined && answer.status === 200) return;
  const retryAfter = retryAfterMs(answer.headers['retry-after']);
  const facts = retryAfter === undefined ? {} : { retryAfterMs: retryAfter };
  if (envelope === undefined || error === undefined) {
    if (answer.status === 429) throw new UploadFailure('throttled', `${action}: HTTP 429`, facts);
    if (answer.status >= 500) {
      throw new UploadFailure('service-unavailable', `${action}: HTTP ${answer.status}`, {
        ...facts,
        ambiguous: true,
      });
    }
    throw new UploadFailure(
      'not-the-service',
      `${action}: HTTP ${answer.status} and no answer of the VOD API`,
      { ambiguous: true },
    );
  }
  const serviceCode = visible(error.Code ?? 'unknown');
  const code = vodFailureCode(serviceCode);
  const offset = offsetFromDate(answer.headers.date);
  throw new UploadFailure(code, `${action}: ${serviceCode}: ${visible(error.Message ?? '')}`, {
    ...facts,
    serviceCode,
    requestId: visible(envelope.Response.RequestId ?? ''),
    ambiguous: code === 'service-unavailable',
    ...(code === 'clock-skewed' && offset !== undefined ? { clockOffsetMs: offset } : {}),
  });
}

function parseEnvelope(body: Buffer): Envelope | undefined {
  try {
    const value = JSON.parse(body.toString()) as Partial<Envelope> | null;
    return typeof value?.Response === 'object' && value.Response !== null
      ? (value as Envelope)
      : undefined;
  } catch {
    return undefined;
  }
}
