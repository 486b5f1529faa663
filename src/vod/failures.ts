import { UploadFailure, type FailureCode } from '../core/errors.js';
import type { HttpAnswer } from '../net/answer.js';
import { offsetFromDate } from '../net/clock.js';
import { codingRemark, quoted } from '../net/quoted.js';
import { waitAskedFor } from '../net/retry-after.js';

/**
 * Service code → failure code. The longest name that is the code itself, or ends before one of its
 * dots, decides: `AuthFailure` stands for every `AuthFailure.…` that is not named.
 */
export const VOD_FAILURES: ReadonlyMap<string, FailureCode> = new Map(
  Object.entries({
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
  }),
);

/** An unforeseen code is about this request, and repeating it would not help, unless the status says more. */
function vodFailureCode(serviceCode: string, status: number): FailureCode {
  for (
    let name = serviceCode;
    name !== '';
    name = name.slice(0, Math.max(0, name.lastIndexOf('.')))
  ) {
    const code = VOD_FAILURES.get(name);
    if (code !== undefined) return code;
  }
  return codeOfStatus(status) ?? 'bad-request';
}

function codeOfStatus(status: number): FailureCode | undefined {
  if (status === 429) return 'throttled';
  return status >= 500 ? 'service-unavailable' : undefined;
}

interface Envelope {
  readonly Response: {
    readonly RequestId?: unknown;
    readonly Error?: { readonly Code?: unknown; readonly Message?: unknown } | null;
  };
}

/** The `Response` of a good answer; throws the failure that any other stands for. */
export function readVodAnswer(action: string, answer: HttpAnswer): Envelope['Response'] {
  const envelope = parseEnvelope(answer.body);
  const error = envelope?.Response.Error ?? undefined;
  if (envelope !== undefined && error === undefined && answer.status === 200) {
    return envelope.Response;
  }
  const facts = waitAskedFor(answer.headers);
  if (typeof error?.Code !== 'string') {
    const code = codeOfStatus(answer.status) ?? 'not-the-service';
    const remark =
      code === 'not-the-service' ? ` and no answer of the VOD API${codingRemark(answer)}` : '';
    throw new UploadFailure(code, `${action}: HTTP ${answer.status}${remark}`, {
      ...facts,
      ambiguous: code !== 'throttled',
    });
  }
  const serviceCode = quoted(error.Code, answer);
  const code = vodFailureCode(serviceCode, answer.status);
  const offset = offsetFromDate(answer.headers['date']);
  throw new UploadFailure(
    code,
    `${action}: ${serviceCode}: ${quoted(String(error.Message ?? ''), answer)}`,
    {
      ...facts,
      serviceCode,
      requestId: quoted(String(envelope?.Response.RequestId ?? ''), answer),
      ambiguous: code === 'service-unavailable',
      ...(code === 'clock-skewed' && offset !== undefined ? { clockOffsetMs: offset } : {}),
    },
  );
}

function parseEnvelope(body: Buffer): Envelope | undefined {
  try {
    const value = JSON.parse(withIdsAsText(body.toString())) as Partial<Envelope> | null;
    return typeof value?.Response === 'object' && value.Response !== null
      ? (value as Envelope)
      : undefined;
  } catch {
    return undefined;
  }
}

/** FileIds exceed what JSON numbers keep; one that is not a string becomes one. */
function withIdsAsText(text: string): string {
  return text.replace(/("FileId"\s*:\s*)(\d+)/g, '$1"$2"');
}
