import type { UploadFailure } from '../core/errors.js';
import type { Route } from './route.js';
import type { HttpAnswer } from './answer.js';
import type { Body } from './send-body.js';
import { Exchange } from './exchange.js';
import { requestHead } from './request-head.js';

export interface HttpRequest {
  readonly route: Route;
  readonly host: string;
  readonly method: string;
  /** Path and query as they go over the wire, already encoded. */
  readonly path: string;
  /** Without Host, Connection and Accept-Encoding, which are the transport's own. */
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: Buffer | Body;
  /** What nobody may be told, besides the token and signature in its headers. */
  readonly secrets?: readonly string[];
  /** How the attempt before this one failed. Where a kept connection lost it, this one takes a new one. */
  readonly previous?: UploadFailure | undefined;
  /**
   * No byte moved for this long, or the whole answer is not there this long after the request was sent,
   * dripping or not: the request is dropped.
   */
  readonly stallTimeoutMs: number;
  /** While the service works it may answer with spaces, which put the deadline off up to here. */
  readonly spacesTimeoutMs?: number;
}

/** Waiting longer than this for a connection is hopeless. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Sends one request and reads its whole answer, whatever its status. An answer that comes before
 * the body is sent ends the sending. Rejects with UploadFailure (`network`, `stalled`, `bad-request`,
 * `tls-untrusted`, `not-the-service`, `proxy-refused`, `too-many-open-files`) or with the signal's reason when that aborts: at once, but for
 * a chunk that another thread is writing.
 */
export async function sendRequest(spec: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const head = requestHead(spec);
  const { host, stallTimeoutMs, previous } = spec;
  const { connections } = spec.route;
  const timeoutMs = Math.min(CONNECT_TIMEOUT_MS, stallTimeoutMs);
  const connection = previous?.facts.lostOverKept
    ? await connections.open(host, timeoutMs, signal)
    : await connections.take(host, timeoutMs, signal);
  return new Exchange(connection, head, spec, signal).answer;
}
