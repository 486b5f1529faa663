import { OUT_OF_FILES, UploadFailure, type FailureFacts } from '../core/errors.js';
import { NotHttp } from './answer.js';

/** What Node says of certificates (node:tls, X509 certificate error codes). */
const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERROR_IN_CERT|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_|UNSPECIFIED|ERR_TLS_CERT_ALTNAME)/;
/** What to do where neither another authority nor a better network would help. */
const HINTS: readonly (readonly [told: RegExp, hint: string])[] = [
  [
    /^CERT_(NOT_YET_VALID|HAS_EXPIRED) /,
    'Set the clock of this machine if it is wrong; otherwise have the certificate renewed.',
  ],
  [
    /^(ERR_TLS_CERT_ALTNAME|HOSTNAME_)/,
    'Check for a captive portal, an intercepting proxy or a DNS or hosts entry that leads elsewhere: the certificate is of another name.',
  ],
  [
    /^(ERR_SSL_WRONG_VERSION|EPROTO.*wrong version)/i,
    'Write http:// where the other side speaks no TLS, and check for a proxy or firewall that answers in its place.',
  ],
  [
    /^(ERR_SSL_|EPROTO).*(protocol.version|handshake.failure|insufficient.security|unsupported.protocol)/i,
    'Check for a proxy or firewall that intercepts TLS, and that the other side speaks TLS 1.2 or later.',
  ],
];

/** How far a request had come when it failed. */
export interface Progress {
  /** There was no connection yet, TLS included: the service cannot have heard of it. */
  readonly unconnected?: boolean;
  /** Nothing of an answer came in on a connection that had carried requests before. */
  readonly unansweredReuse?: boolean;
}

/** Translates what a socket, TLS, the reader of answers or (HPE_…) that of a proxy's answer reported. */
export function connectionFailure(
  error: NodeJS.ErrnoException,
  host: string,
  progress: Progress,
): Error {
  if (!isReported(error)) return error;
  const { code = '' } = error;
  const told = `${code} ${error.message}`;
  const ambiguous = progress.unconnected !== true;
  if (UNTRUSTED.test(code)) {
    return new UploadFailure(
      'tls-untrusted',
      `the certificate of ${host} is not trusted: ${code}`,
      {
        ...hintFor(told),
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
  if (error instanceof NotHttp || code.startsWith('HPE_')) {
    return new UploadFailure('not-the-service', `${host} does not speak HTTP as the service does`, {
      ambiguous,
      cause: error,
    });
  }
  const isReset = code === 'ECONNRESET' || code === 'EPIPE';
  const reason = isReset ? 'connection reset' : code || error.message;
  return new UploadFailure('network', `${host}: ${reason}${placeOf(error, host)}`, {
    ambiguous,
    ...hintFor(told),
    repeatAtOnce: isReset && progress.unansweredReuse === true,
    cause: error,
  });
}

function hintFor(told: string): Pick<FailureFacts, 'hint'> {
  const hint = HINTS.find(([form]) => form.test(told))?.[1];
  return hint === undefined ? {} : { hint };
}

/** What neither the system nor a reader has reported is told already, or a fault of this program. */
function isReported(error: NodeJS.ErrnoException): boolean {
  if (error instanceof UploadFailure) return false;
  // The code of an abort is a number.
  return typeof error.code === 'string' || error instanceof NotHttp;
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
