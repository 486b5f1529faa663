import type http from 'node:http';
import { UploadFailure } from '../core/errors.js';
import { isConnecting } from './watchdog.js';

const UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT_ALTNAME)/;
/** There was no connection, so the request cannot have reached the service. */
const UNCONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
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
  const unconnected = isUnconnected(error, request);
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
      ambiguous: !unconnected,
      cause: error,
    });
  }
  const isReset = code === 'ECONNRESET' || code === 'EPIPE';
  const reason = isReset ? 'connection reset' : code || error.message;
  return new UploadFailure('network', `${host}: ${reason}${placeOf(error, host)}`, {
    ambiguous: !unconnected,
    unconnected,
    repeatAtOnce: isReset && request.reusedSocket && !isAnswered,
    cause: error,
  });
}

/** Where a connection was tried, if that is not the host: an endpoint stands in for it. */
function placeOf(error: NodeJS.ErrnoException, host: string): string {
  const { hostname, address, port } = error as {
    readonly hostname?: string;
    readonly address?: string;
    readonly port?: number;
  };
  const place = hostname ?? (address && `${address}:${port}`);
  return place === undefined || host.includes(place) ? '' : ` (${place})`;
}

function isUnconnected(error: NodeJS.ErrnoException, request: http.ClientRequest): boolean {
  return (
    // A network that goes away under a request says the same of a read or a write.
    (UNCONNECTED.has(error.code ?? '') && !/^(read|write)/.test(error.syscall ?? '')) ||
    error.syscall === 'connect' ||
    request.method === 'CONNECT' ||
    isConnecting(request.socket)
  );
}
