import http from 'node:http';
import https from 'node:https';
import type { Route } from './route.js';
import { UploadFailure } from '../core/errors.js';
import { connectionFailure } from './connection-failure.js';
import type { Flow } from './meter.js';
import type { Throttle } from './throttle.js';
import { watch, type Watch } from './watchdog.js';

/**
 * What a request carries chunk by chunk. Chunks are asked for in order; one stays untouched until the second
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

/** No answer of these services is larger. */
const MAX_ANSWER = 16 * 1024 * 1024;
const SPACE = 0x20;

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
    const state = { settled: false, answered: false, sent: false };
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
    const { body } = spec;
    if (body === undefined || Buffer.isBuffer(body)) {
      flow.writing(body?.length ?? 0);
      request.end(body, () => {
        state.sent = true;
        watchdog.sent();
        flow.took();
      });
      return;
    }
    const isOver = (): boolean => state.settled || state.answered;
    const sink = openSink(request, isOver, flow, watchdog);
    pump(body, sink, throttle, signal).then((complete) => {
      state.sent = complete;
      if (complete) watchdog.sent();
    }, fail);
  });
}

/** Where a body goes. */
interface Sink {
  /** Resolves when the kernel has taken the chunk, or the request is over; nothing where that is so. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  end(): void;
  isOver(): boolean;
}

/** Of all that is written one chunk may be waited for. */
function openSink(
  request: http.ClientRequest,
  isOver: () => boolean,
  flow: Flow,
  watchdog: Watch,
): Sink {
  let begun = 0;
  let ended = 0;
  let waiting: (() => void) | undefined;
  const wake = (): void => {
    waiting?.();
    waiting = undefined;
  };
  const written = (): void => {
    ended += 1;
    if (ended === begun) wake();
  };
  request.once('close', wake);
  request.once('response', wake);
  const taken = (): void => {
    watchdog.moved();
    flow.took();
  };

  return {
    isOver,
    end: () => void request.end(),
    write(chunk) {
      if (isOver()) return undefined;
      begun += 1;
      flow.writing(chunk.length);
      request.write(chunk, written);
      // What the kernel takes at once costs neither a promise nor a turn of the event loop.
      if (request.writableLength === 0) {
        taken();
        return undefined;
      }
      return new Promise((resolve) => {
        waiting = () => {
          if (!isOver()) taken();
          resolve();
        };
      });
    },
  };
}

/** Writes the body with at most two chunks under way; resolves to whether all of it was written. */
async function pump(
  body: Body,
  sink: Sink,
  throttle: Throttle | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  let previous: Promise<void> | undefined;
  let position = 0;
  while (position < body.size) {
    const chunk = await body.read(position);
    position += chunk.length;
    await previous;
    previous = throttle ? writePaced(chunk, sink, throttle, signal) : sink.write(chunk);
    // It may be refused while the next chunk is being read; the await above hears of it in time.
    previous?.catch(() => undefined);
    if (sink.isOver()) return false;
  }
  await previous;
  if (sink.isOver()) return false;
  sink.end();
  return true;
}

/** Writes the chunk in slices small enough that the rate is even. */
async function writePaced(
  chunk: Uint8Array,
  sink: Sink,
  throttle: Throttle,
  signal: AbortSignal,
): Promise<void> {
  for (let start = 0; start < chunk.length && !sink.isOver();) {
    const slice = chunk.subarray(start, start + throttle.sliceSize());
    await throttle.take(slice.length, signal);
    await sink.write(slice);
    start += slice.length;
  }
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
