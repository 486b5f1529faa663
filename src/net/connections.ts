import { once } from 'node:events';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { HttpAnswer } from './answer.js';
import { connectionFailure } from './connection-failure.js';
import { Connection } from './connection.js';

/** Closed this long before the other side says that it would, so that no request crosses its closing. */
const MARGIN_MS = 1000;
/** A process that stood still sees one late tick, not the end of its time. */
const TICKS = 20;
const KEEP_ALIVE_DELAY_MS = 1000;

/** Makes a socket for a host, which may still be connecting. Obeys the signal and the time. */
export type Connect = (host: string, timeoutMs: number, signal: AbortSignal) => Promise<Socket>;

/** Kept-alive connections, by host. */
export interface Connections {
  /** A connection that waits for a request: the one that was used last. */
  free(host: string): Connection | undefined;
  /** A new one. Rejects with UploadFailure, or with the signal's reason. */
  open(host: string, timeoutMs: number, signal: AbortSignal): Promise<Connection>;
  /** Its request is answered, and it may carry another one. */
  release(host: string, connection: Connection, answer: HttpAnswer): void;
  close(): void;
}

interface Waiting {
  readonly connection: Connection;
  /** When the other side is about to close it, in milliseconds of the process. */
  readonly until: number;
}

export function createConnections(connect: Connect): Connections {
  const all = new Set<Connection>();
  const waiting = new Map<string, Waiting[]>();
  return {
    free(host) {
      const stack = waiting.get(host) ?? [];
      for (let last = stack.pop(); last !== undefined; last = stack.pop()) {
        const { connection, until } = last;
        if (connection.isOpen && performance.now() < until) {
          connection.isReused = true;
          connection.socket.ref();
          return connection;
        }
        connection.destroy();
      }
      return undefined;
    },
    async open(host, timeoutMs, signal) {
      try {
        const socket = await connect(host, timeoutMs, signal);
        await connected(socket, timeoutMs, signal);
        socket.setNoDelay(true);
        socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
        const connection = new Connection(socket, () => all.delete(connection));
        all.add(connection);
        return connection;
      } catch (error) {
        signal.throwIfAborted();
        throw connectionFailure(error as Error, host, { unconnected: true });
      }
    },
    release(host, connection, { headers }) {
      connection.socket.unref();
      const seconds = /timeout=(\d+)/i.exec(headers['keep-alive'] ?? '')?.[1];
      const keptMs = seconds === undefined ? Infinity : Number(seconds) * 1000 - MARGIN_MS;
      const stack = waiting.get(host) ?? [];
      stack.push({ connection, until: performance.now() + keptMs });
      waiting.set(host, stack);
    },
    close() {
      for (const connection of all) connection.destroy();
    },
  };
}

/** Resolves once the socket is connected, TLS included. */
async function connected(socket: Socket, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const isSecure = socket instanceof TLSSocket;
  if (!isSecure && !socket.connecting) return;
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
    if (ticks >= TICKS) socket.destroy(noConnection());
  }, timeoutMs / TICKS);
  try {
    await once(socket, isSecure ? 'secureConnect' : 'connect', { signal });
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** As the system reports it, which would take it minutes. */
function noConnection(): Error {
  return Object.assign(new Error('no connection'), { code: 'ETIMEDOUT', syscall: 'connect' });
}
