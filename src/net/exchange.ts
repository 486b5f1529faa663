import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Requester } from './connection.js';
import type { Flow } from './meter.js';
import type { HttpRequest } from './request.js';
import { UploadFailure } from '../core/errors.js';
import { onAbort } from '../core/waits.js';
import { NO_BYTES, type HttpAnswer } from './answer.js';
import { connectionFailure } from './connection-failure.js';
import { sendBody, type Sender, type Sending } from './send-body.js';
import { watch, type Watch } from './watchdog.js';

const SPACE = 0x20;
/**
 * An answer waits so long for the thread that sends its body. One that cannot tell, since all threads ask a
 * dead disk, costs the connection, not the answer.
 */
const THREAD_MS = 1000;

/** One request under way on a connection, from its first byte to its answer or failure. */
export class Exchange implements Requester, Sender {
  /** The whole answer. Rejects as `sendRequest` does. */
  readonly answer: Promise<HttpAnswer>;
  readonly head: string;
  readonly flow: Flow;
  readonly watchdog: Watch;
  readonly signal: AbortSignal;
  readonly #connection: Connection;
  readonly #request: HttpRequest;
  readonly #unlisten: () => void;
  #sending: Sending | undefined;
  #resolve!: (answer: HttpAnswer) => void;
  #reject!: (error: Error) => void;
  #isSettled = false;
  #isHeard = false;
  #isAnswered = false;
  #isSent = false;

  constructor(connection: Connection, head: string, request: HttpRequest, signal: AbortSignal) {
    this.#connection = connection;
    this.#request = request;
    this.head = head;
    this.signal = signal;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.flow = request.route.meter.open(connection.socket);
    this.watchdog = watch({ ...request, flow: this.flow }, () => this.#fail(this.#stalled()));
    const abort = (): void => this.#fail(signal.reason as Error);
    this.#unlisten = onAbort(signal, abort);
    connection.begin(this);
    if (signal.aborted) abort();
    else this.#send();
  }

  get method(): string {
    return this.#request.method;
  }

  get throttle(): Sender['throttle'] {
    return this.#request.route.throttle;
  }

  /** Whether no more bytes of the body are wanted. */
  get isOver(): boolean {
    return this.#isSettled || this.#isAnswered;
  }

  onSent(): void {
    this.#isSent = true;
    this.watchdog.sent();
  }

  onMoved(): void {
    this.#isHeard = true;
    // What is said before the request is sent, and is no answer, moves nothing.
    if (this.#isSent || this.#isAnswered) this.watchdog.moved();
  }

  onBody(bytes: Buffer): void {
    const isSpace = (byte: number): boolean => byte <= SPACE;
    if (isSpace(bytes[0] ?? 0) && bytes.every(isSpace)) this.watchdog.working();
  }

  onBegun(): void {
    this.#isAnswered = true;
    this.watchdog.sent();
    this.#sending?.stop();
  }

  onAnswer(answer: HttpAnswer, isLast: boolean): void {
    if (!this.#settle()) return;
    const succeed = (): void => this.#succeed(answer, isLast);
    const settled = this.#sending?.settled();
    if (settled)
      void Promise.race([settled, sleep(THREAD_MS, undefined, { ref: false })]).then(succeed);
    else if (this.#isSent) succeed();
    // Under TLS a quick answer is here before Node tells that the kernel has the request.
    else setImmediate(succeed);
  }

  onError(error: Error): void {
    const unansweredReuse = this.#connection.isReused && !this.#isHeard;
    this.#fail(connectionFailure(error, this.#request.host, { unansweredReuse }));
  }

  #send(): void {
    const { body = NO_BYTES } = this.#request;
    if (Buffer.isBuffer(body)) {
      this.flow.writing(body.length);
      this.#connection.write(body, () => {
        this.flow.took();
        this.onSent();
      });
      return;
    }
    this.#sending = sendBody(this.#connection, body, this);
    this.#sending.done.catch((error: Error) => this.#fail(error));
  }

  #succeed(answer: HttpAnswer, isLast: boolean): void {
    const connection = this.#connection;
    const { route, host } = this.#request;
    // A connection whose request was cut short cannot carry another one.
    if (isLast || !this.#isSent) connection.destroy();
    else route.connections.release(host, connection, answer);
    const { status, headers, body } = answer;
    this.#resolve({ status, headers, body, isSent: this.#isSent, request: this.#request });
  }

  #fail(error: Error): void {
    if (!this.#settle()) return;
    this.#connection.destroy();
    const isKept = this.#connection.isReused && error instanceof UploadFailure;
    this.#reject(isKept ? error.with({ lostOverKept: true }) : error);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.watchdog.stop();
    this.flow.close();
    this.#unlisten();
    this.#sending?.stop();
    return true;
  }

  #stalled(): UploadFailure {
    const { host, stallTimeoutMs } = this.#request;
    return new UploadFailure('stalled', `no byte moved for ${stallTimeoutMs / 1000} s: ${host}`, {
      ambiguous: true,
    });
  }
}
