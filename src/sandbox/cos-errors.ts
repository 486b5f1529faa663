/** The HTTP status COS gives with each error code, the usual code of a status first; anything else is a 400. */
const STATUS: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  SignatureDoesNotMatch: 403,
  RequestTimeTooSkewed: 403,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NoSuchBucket: 404,
  MethodNotAllowed: 405,
  UploadIdNotSupported: 405,
  PathConflict: 409,
  UploadConflict: 409,
  MissingContentLength: 411,
  PreconditionFailed: 412,
  InvalidRange: 416,
  PaymentRequired: 402,
  UnavailableForLegalReasons: 451,
  InternalError: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
  SlowDown: 503,
  KmsFreqControl: 503,
};

export function statusOf(code: string): number {
  return STATUS[code] ?? 400;
}

/** The code that usually comes with a status; undefined where only a gateway would use it. */
export function codeOf(status: number): string | undefined {
  if (status === 400) return 'InvalidRequest';
  return Object.keys(STATUS).find((code) => STATUS[code] === status);
}
