import http from 'node:http';
import https from 'node:https';
import type { Route } from './route.js';
import { UploadFailure } from '../core/errors.js';
import { connectionFailure } from './connection-failure.js';
import { watch, type Watch } from './watchdog.js';

/**
 * What a request carries. Chunks are asked for in order; one stays untouched until the second
 * after it is asked for, so a body needs two buffers, whatever its size.
 */
export interface Body {
  readonly size: number;
  read(position: number): Promise<Uint8Array>;
}

export interface HttpRequest {
  readonly route: Route;
  readonly host: string;
  readonly method: string;
  /** Path and query as they go over the wire, already encoded. */
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body?: Body;
  /** No byte moved for this long: the request is dropped. */
  readonly stallTimeoutMs: number;
  /** The whole answer must be there this long after the request was sent, dripping or not. */
  readonly answerTimeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No answer of these services is larger. */
const MAX_ANSWER = 16 * 1024 * 1024;

/**
 * Sends one request and reads its whole answer, whatever its status. An answer that comes before
 * the body is sent ends the sending. Rejects with UploadFailure (`network`, `stalled`,
 * `tls-untrusted`, `not-the-service`) or with the signal's reason, at once when that aborts.
 */
export function sendRequest(spec: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const state = { settled: false, answered: false, sent: spec.body === undefined };
    const request = (spec.route.secure ? https : http).request({
      host: spec.host,
      method: spec.method,
      path: spec.path,
      headers: { Host: spec.host, ...spec.headers },
      agent: spec.route.agent,
    });
    const watchdog = watch(request, spec, () =>
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
      signal.removeEventListener('abort', onAbort);
      return true;
    }
    function fail(error: Error): void {
      if (!settle()) return;
      request.destroy();
      reject(error);
    }

    request.on('error', (error: NodeJS.ErrnoException) =>
      fail(connectionFailure(error, spec.host, request, state.answered)),
    );
    request.on('response', (response) => {
      state.answered = true;
      collect(response, watchdog).then(
        (body) => {
          if (!settle()) return;
          // A connection whose request was cut short cannot carry another one.
          if (!state.sent) request.destroy();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        },
        (error: NodeJS.ErrnoException) =>
          fail(connectionFailure(error, spec.host, request, state.answered)),
      );
    });
    if (spec.body === undefined) {
      request.end();
      watchdog.sent(0);
      return;
    }
    pump(request, spec.body, watchdog, () => state.settled || state.answered).then((complete) => {
      state.sent = complete;
    }, fail);
  });
}

/** Writes the body with at most two chunks under way; resolves to whether all of it was written. */
async function pump(
  request: http.ClientRequest,
  body: Body,
  watchdog: Watch,
  isOver: () => boolean,
): Promise<boolean> {
  let previous: Promise<void> = Promise.resolve();
  let position = 0;
  while (position < body.size) {
    const chunk = await body.read(position);
    position += chunk.length;
    await previous;
    if (isOver()) return false;
    previous = write(request, chunk, watchdog);
  }
  await previous;
  if (isOver()) return false;
  request.end();
  watchdog.sent(body.size);
  return true;
}

/** Resolves when the kernel has taken the chunk, or the request is over. */
function write(request: http.ClientRequest, chunk: Uint8Array, watchdog: Watch): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off('close', done);
      request.off('response', done);
      watchdog.moved();
      resolve();
    };
    request.once('close', done);
    request.once('response', done);
    request.write(chunk, done);
  });
}

async function collect(response: http.IncomingMessage, watchdog: Watch): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    watchdog.moved();
    length += chunk.length;
    if (length > MAX_ANSWER) throw new UploadFailure('not-the-service', 'the answer has no end');
    chunks.push(chunk);
  }
  if (!response.complete) {
    throw Object.assign(new Error('the answer was cut short'), { code: 'ECONNRESET' });
  }
  return Buffer.concat(chunks);
}
