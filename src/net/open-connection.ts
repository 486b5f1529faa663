import { once } from 'node:events';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { connectionFailure } from './connection-failure.js';
import { Connection } from './connection.js';

/** Makes a socket for a host, which may still be connecting. Obeys the signal and the time. */
export type Connect = (host: string, timeoutMs: number, signal: AbortSignal) => Promise<Socket>;

/** A process that stood still sees one late tick, not the end of its time. */
const TICKS = 20;
const KEEP_ALIVE_DELAY_MS = 1000;

/** Opens a connection, TLS included. Rejects with UploadFailure, or with the signal's reason. */
export async function openConnection(
  connect: Connect,
  host: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Connection> {
  try {
    const socket = await connect(host, timeoutMs, signal);
    await connected(socket, timeoutMs, signal);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    return new Connection(socket);
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFailure(error as Error, host, { unconnected: true });
  }
}

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
