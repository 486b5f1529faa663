import http from 'node:http';
import https from 'node:https';
import type { Route } from './route.js';
import { UploadFailure } from '../core/errors.js';
import { connectionFailure } from './connection-failure.js';
import { sendBody, type Body, type Sending } from './send-body.js';
import { watch, type Watch } from './watchdog.js';

export interface HttpRequest {
  readonly route: Route;
  readonly host: string;
  readonly method: string;
  /** Path and query as they go over the wire, already encoded. */
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body?: Buffer | Body;
  /** No byte moved for this long: the request is dropped. */
  readonly stallTimeoutMs: number;
  /** The whole answer must be there this long after the request was sent, dripping or not. */
  readonly answerTimeoutMs?: number;
  /** While the service works it may answer with spaces, which put the deadline off up to here. */
  readonly spacesTimeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

interface State {
  settled: boolean;
  answered: boolean;
  sent: boolean;
  sending?: Sending;
}

/** No answer of these services is larger. */
const MAX_ANSWER = 16 * 1024 * 1024;
const SPACE = 0x20;

/**
 * Sends one request and reads its whole answer, whatever its status. An answer that comes before
 * the body is sent ends the sending. Rejects with UploadFailure (`network`, `stalled`,
 * `tls-untrusted`, `not-the-service`) or with the signal's reason when that aborts: at once, but for
 * a chunk that another thread is writing.
 */
export function sendRequest(spec: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const state: State = { settled: false, answered: false, sent: false };
    const request = (spec.route.secure ? https : http).request({
      host: spec.host,
      method: spec.method,
      path: spec.path,
      headers: { Host: spec.host, ...spec.headers },
      agent: spec.route.agent,
      // Node would work it out anew for each request; an address is no name.
      servername: /^[\d.]+$|:/.test(spec.host) ? '' : spec.host,
    });
    const { meter, throttle } = spec.route;
    const flow = meter.open(() => request.socket);
    const watchdog = watch(request, { ...spec, flow }, () =>
      fail(
        new UploadFailure(
          'stalled',
          `no byte moved for ${spec.stallTimeoutMs / 1000} s: ${spec.host}`,
          {
            ambiguous: true,
          },
        ),
      ),
    );
    const onAbort = (): void => fail(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });

    function settle(): boolean {
      if (state.settled) return false;
      state.settled = true;
      watchdog.stop();
      flow.close();
      signal.removeEventListener('abort', onAbort);
      return true;
    }
    function fail(error: Error): void {
      if (!settle()) return;
      request.destroy();
      // Whoever sent the body uses its memory for another one from here on.
      const settled = state.sending?.settled();
      if (settled) void settled.then(() => reject(error));
      else reject(error);
    }

    request.on('error', (error: NodeJS.ErrnoException) =>
      fail(connectionFailure(error, spec.host, request, state.answered)),
    );
    request.on('response', (response) => {
      state.answered = true;
      collect(response, watchdog).then(
        async (body) => {
          if (!settle()) return;
          await state.sending?.settled();
          // A connection whose request was cut short cannot carry another one.
          if (!state.sent) request.destroy();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        },
        (error: NodeJS.ErrnoException) =>
          fail(connectionFailure(error, spec.host, request, state.answered)),
      );
    });
    function onSent(): void {
      state.sent = true;
      watchdog.sent();
    }
    const { body } = spec;
    if (body === undefined || Buffer.isBuffer(body)) {
      flow.writing(body?.length ?? 0);
      request.end(body, () => {
        onSent();
        flow.took();
      });
      return;
    }
    const isOver = (): boolean => state.settled || state.answered;
    const sender = { flow, watchdog, throttle, signal, isOver, onSent };
    state.sending = sendBody(request, body, sender);
    state.sending.done.catch(fail);
  });
}

/** Reads the whole answer. An iterator over it would cost more than the rest of a small request. */
function collect(response: http.IncomingMessage, watchdog: Watch): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      watchdog.moved();
      if ((chunk[0] ?? 0) <= SPACE && chunk.every((byte) => byte <= SPACE)) watchdog.working();
      length += chunk.length;
      chunks.push(chunk);
      if (length > MAX_ANSWER)
        reject(new UploadFailure('not-the-service', 'the answer has no end'));
    });
    response.on('end', () => {
      if (response.complete)
        resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    response.on('error', reject);
    response.on('close', () => {
      if (response.readableEnded && response.complete) return;
      reject(Object.assign(new Error('the answer was cut short'), { code: 'ECONNRESET' }));
    });
  });
}
