import type { Socket } from 'node:net';
import { AnswerReader, type HttpAnswer } from './answer.js';

/** The request that is under way, and who hears of its answer. */
export interface Requester {
  readonly method: string;
  /** The request line and the headers. They go out with the first bytes of the body. */
  readonly head: string;
  /** Bytes came in. */
  onMoved(): void;
  /** They belong to the answer's body. */
  onBody(bytes: Buffer): void;
  /** The answer's status and headers are there. */
  onBegun(): void;
  /** The answer is whole; `isLast`: the connection carries no other. */
  onAnswer(answer: HttpAnswer, isLast: boolean): void;
  /** There will be no answer. */
  onError(error: Error): void;
}

/** Less than this is copied behind the headers, which costs less than a second buffer in one write. */
const SMALL_BODY = 16 * 1024;

/** A connection that carries one request after the other (HTTP/1.1, RFC 9112). */
export class Connection {
  readonly socket: Socket;
  /** Whether it carried a request before the present one. */
  isReused = false;
  #requester: Requester | undefined;
  #reader: AnswerReader | undefined;
  #head = '';

  /** Takes a socket that is connected. */
  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#failed(error));
    socket.on('close', () => this.#failed(cutShort()));
  }

  /** Whether it is of use to another request. */
  get isOpen(): boolean {
    return this.socket.writable && this.socket.readable;
  }

  /** Begins a request; on a connection that is gone by now it fails in the next turn. */
  begin(requester: Requester): void {
    this.#requester = requester;
    this.#head = requester.head;
    this.#reader = new AnswerReader(requester.method, (bytes) => requester.onBody(bytes));
    if (!this.isOpen) setImmediate(() => this.#failed(cutShort()));
  }

  /** Writes bytes of the request. `onTaken` hears when the kernel has them, `onError` if it never will. */
  write(bytes: Uint8Array, onTaken: () => void): void {
    const { socket } = this;
    const head = this.#head;
    this.#head = '';
    const done = (error?: Error | null): void => {
      if (!error) onTaken();
    };
    if (head === '') socket.write(bytes, done);
    else if (bytes.length < SMALL_BODY) {
      socket.write(Buffer.concat([Buffer.from(head, 'latin1'), bytes]), done);
    } else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(bytes, done);
      socket.uncork();
    }
  }

  /** Gives up the connection and the request, which hears no more. */
  destroy(): void {
    this.#end();
    this.socket.destroy();
  }

  #received(bytes: Buffer): void {
    const requester = this.#requester;
    const reader = this.#reader;
    const isAsked = this.#head === '' || !this.isReused;
    if (requester === undefined || reader === undefined || !isAsked) {
      // Nobody asked, and a request that is not out yet or comes next would take it for its answer.
      this.socket.destroy();
      return;
    }
    const { isBegun } = reader;
    let answer: HttpAnswer | undefined;
    try {
      requester.onMoved();
      answer = reader.read(bytes);
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    if (!isBegun && reader.isBegun) requester.onBegun();
    if (answer) this.#answered(requester, answer, reader.isLast);
  }

  #ended(): void {
    const answer = this.#requester && this.#reader?.end();
    if (this.#requester && answer) this.#answered(this.#requester, answer, true);
    else this.#failed(cutShort());
    this.socket.destroy();
  }

  #answered(requester: Requester, answer: HttpAnswer, isLast: boolean): void {
    this.#end();
    this.isReused = true;
    requester.onAnswer(answer, isLast);
  }

  #failed(error: Error): void {
    const requester = this.#requester;
    this.#end();
    requester?.onError(error);
  }

  #end(): void {
    this.#requester = undefined;
    this.#reader = undefined;
  }
}

/** As the system reports a connection that the other side gave up. */
function cutShort(): Error {
  return Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
}
