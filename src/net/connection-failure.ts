import type http from 'node:http';
import { UploadFailure } from '../core/errors.js';

const UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT_ALTNAME)/;
/** The request cannot have reached the service. */
const NEVER_ARRIVED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPROXY',
]);
const OUT_OF_FILES = new Set(['EMFILE', 'ENFILE']);

/** Translates what a socket, TLS or the HTTP parser reported. */
export function connectionFailure(
  error: NodeJS.ErrnoException,
  host: string,
  request: http.ClientRequest,
  isAnswered: boolean,
): Error {
  if (error instanceof UploadFailure) return error;
  const code = error.code ?? '';
  if (UNTRUSTED.test(code)) {
    return new UploadFailure(
      'tls-untrusted',
      `the certificate of ${host} is not trusted: ${code}`,
      {
        cause: error,
      },
    );
  }
  if (OUT_OF_FILES.has(code)) {
    return new UploadFailure(
      'too-many-open-files',
      `too many open files for a connection to ${host}`,
      {
        cause: error,
      },
    );
  }
  if (code.startsWith('HPE_')) {
    return new UploadFailure('not-the-service', `${host} does not speak HTTP as the service does`, {
      ambiguous: true,
      cause: error,
    });
  }
  const isReset = code === 'ECONNRESET' || code === 'EPIPE';
  return new UploadFailure(
    'network',
    `${host}: ${isReset ? 'connection reset' : code || error.message}`,
    {
      ambiguous: !NEVER_ARRIVED.has(code),
      repeatAtOnce: isReset && request.reusedSocket && !isAnswered,
      cause: error,
    },
  );
}
