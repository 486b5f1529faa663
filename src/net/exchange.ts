import type { HttpAnswer } from './answer.js';
import type { Connection, Listener } from './connection.js';
import type { Flow } from './meter.js';
import type { HttpRequest } from './request.js';
import { UploadFailure } from '../core/errors.js';
import { connectionFailure } from './connection-failure.js';
import { sendBody, type Sender, type Sending } from './send-body.js';
import { watch, type Watch } from './watchdog.js';

const SPACE = 0x20;
const NOTHING = Buffer.alloc(0);

/** One request under way on a connection, from its first byte to its answer or failure. */
export class Exchange implements Listener, Sender {
  /** The whole answer. Rejects as `sendRequest` does. */
  readonly answer: Promise<HttpAnswer>;
  readonly head: string;
  readonly flow: Flow;
  readonly watchdog: Watch;
  readonly signal: AbortSignal;
  readonly #connection: Connection;
  readonly #request: HttpRequest;
  readonly #onAbort = (): void => this.#fail(this.signal.reason as Error);
  #sending: Sending | undefined;
  #resolve!: (answer: HttpAnswer) => void;
  #reject!: (error: Error) => void;
  #isSettled = false;
  #isHeard = false;
  #isAnswered = false;
  #isSent = false;
  /** What is left to do with the connection once the request is sent. */
  #afterSent = (): void => undefined;

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
    signal.addEventListener('abort', this.#onAbort, { once: true });
    connection.begin(this);
    this.#send();
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
    this.#afterSent();
  }

  onMoved(): void {
    this.#isHeard = true;
    this.watchdog.moved();
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
    const settled = this.#sending?.settled();
    if (settled) void settled.then(() => this.#succeed(answer, isLast));
    else this.#succeed(answer, isLast);
  }

  onError(error: Error): void {
    const unansweredReuse = this.#connection.isReused && !this.#isHeard;
    this.#fail(connectionFailure(error, this.#request.host, { unansweredReuse }));
  }

  #send(): void {
    const { body = NOTHING } = this.#request;
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
    const release = (): void => route.connections.release(host, connection, answer);
    if (isLast) connection.destroy();
    else if (this.#isSent) release();
    // Under TLS a quick answer is here before Node tells that the kernel has a small request.
    else if (this.#sending === undefined) this.#afterSent = release;
    // A connection whose request was cut short cannot carry another one.
    else connection.destroy();
    this.#resolve(answer);
  }

  #fail(error: Error): void {
    if (!this.#settle()) return;
    this.#connection.destroy();
    // Whoever sent the body uses its memory for another one from here on.
    const settled = this.#sending?.settled();
    if (settled) void settled.then(() => this.#reject(error));
    else this.#reject(error);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.watchdog.stop();
    this.flow.close();
    this.signal.removeEventListener('abort', this.#onAbort);
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
