import { onAbort } from '../core/waits.js';
import type { HttpAnswer } from './answer.js';
import type { Connection } from './connection.js';
import { openConnection, type Connect } from './open-connection.js';

/** Closed this long before the other side says that it would, so that no request crosses its closing. */
const MARGIN_MS = 1000;
/** New connections in one turn of the event loop. */
const OPENED_A_TURN = 8;

interface Idle {
  readonly connection: Connection;
  /** When the other side is about to close it, in milliseconds of the process. */
  readonly until: number;
}

interface Waiter {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  resolve(connection: Connection): void;
  reject(error: unknown): void;
}

/** Kept-alive connections, by host. */
export class Connections {
  readonly #connect: Connect;
  readonly #hosts = new Map<string, HostConnections>();
  readonly #closing = new AbortController();

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /**
   * The first to be had: one that carries no request, one that is released, or a new one, which has
   * this long to be opened. Rejects with UploadFailure where that fails, or with the signal's reason.
   */
  take(host: string, timeoutMs: number, signal: AbortSignal): Promise<Connection> {
    return this.#of(host).take(timeoutMs, signal);
  }

  /** As `take`, but always a new one. */
  open(host: string, timeoutMs: number, signal: AbortSignal): Promise<Connection> {
    return this.#of(host).open(timeoutMs, signal);
  }

  /** Its request is answered, and it may carry another one. */
  release(host: string, connection: Connection, { headers }: HttpAnswer): void {
    const seconds = /timeout=(\d+)/i.exec(headers['keep-alive'] ?? '')?.[1];
    const keptMs = seconds === undefined ? Infinity : Number(seconds) * 1000 - MARGIN_MS;
    if (keptMs <= 0) connection.destroy();
    else this.#of(host).offer(connection, performance.now() + keptMs);
  }

  /** Ends all connections, and the requests that are under way. */
  close(): void {
    this.#closing.abort(new Error('the connections are closed'));
    for (const one of this.#hosts.values()) one.close();
  }

  #of(host: string): HostConnections {
    const found =
      this.#hosts.get(host) ?? new HostConnections(host, this.#connect, this.#closing.signal);
    this.#hosts.set(host, found);
    return found;
  }
}

/** The connections to one host, and who waits for one. */
class HostConnections {
  readonly #host: string;
  readonly #connect: Connect;
  readonly #closing: AbortSignal;
  readonly #all = new Set<Connection>();
  /** The one that was used last comes last. */
  #idle: Idle[] = [];
  readonly #waiting = new Set<Waiter>();
  /** Those of whom no connection is opened yet, in the order in which they came. */
  readonly #unopened: Waiter[] = [];

  constructor(host: string, connect: Connect, closing: AbortSignal) {
    this.#host = host;
    this.#connect = connect;
    this.#closing = closing;
  }

  async take(timeoutMs: number, signal: AbortSignal): Promise<Connection> {
    return this.#takeIdle() ?? this.#wait(timeoutMs, signal);
  }

  async open(timeoutMs: number, signal: AbortSignal): Promise<Connection> {
    const signals = [signal, this.#closing];
    const connection = await openConnection(this.#connect, this.#host, timeoutMs, signals);
    this.#all.add(connection);
    connection.socket.once('close', () => this.#forget(connection));
    return connection;
  }

  offer(connection: Connection, until: number): void {
    if (!connection.isOpen) {
      connection.destroy();
      return;
    }
    const [waiter] = this.#waiting;
    if (waiter) {
      waiter.resolve(connection);
      return;
    }
    connection.socket.unref();
    this.#idle.push({ connection, until });
  }

  close(): void {
    for (const { socket } of this.#all) socket.destroy();
  }

  #takeIdle(): Connection | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      const { connection, until } = last;
      if (connection.isOpen && performance.now() < until) {
        connection.socket.ref();
        return connection;
      }
      connection.destroy();
    }
    return undefined;
  }

  #wait(timeoutMs: number, signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter);
        unlisten();
      };
      const waiter: Waiter = {
        timeoutMs,
        signal,
        resolve(connection) {
          leave();
          resolve(connection);
        },
        reject(error) {
          leave();
          reject(error as Error);
        },
      };
      this.#waiting.add(waiter);
      const unlisten = onAbort(signal, () => waiter.reject(signal.reason));
      if (this.#unopened.push(waiter) === 1) setImmediate(() => this.#openSome());
    });
  }

  /** Whoever is left for another turn may be served until then: a busy process needs few connections. */
  #openSome(): void {
    for (const waiter of this.#unopened.splice(0, OPENED_A_TURN)) {
      if (this.#waiting.has(waiter)) void this.#openFor(waiter);
    }
    if (this.#unopened.length > 0) setImmediate(() => this.#openSome());
  }

  async #openFor(waiter: Waiter): Promise<void> {
    try {
      const connection = await this.open(waiter.timeoutMs, waiter.signal);
      if (this.#waiting.has(waiter)) waiter.resolve(connection);
      else this.offer(connection, Infinity);
    } catch (error) {
      waiter.reject(error);
    }
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection);
    this.#idle = this.#idle.filter((one) => one.connection !== connection);
  }
}
