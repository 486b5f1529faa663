import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterTicks, onAbort } from '../core/waits.js';
import { connectionFailure } from './connection-failure.js';
import { Connection } from './connection.js';
import { TICKS } from './watchdog.js';

/**
 * Connects to a host, TLS included, in so much time; gives up when the signal aborts. Rejects with what the
 * socket reported.
 */
export type Connect = (host: string, timeoutMs: number, signal: AbortSignal) => Promise<Socket>;

const KEEP_ALIVE_DELAY_MS = 1000;

/** Opens a connection within this time. Rejects with UploadFailure, or with the reason of a signal that aborts. */
export async function openConnection(
  connect: Connect,
  host: string,
  timeoutMs: number,
  signals: readonly AbortSignal[],
): Promise<Connection> {
  const opening = new AbortController();
  const callOff = afterTicks(TICKS, timeoutMs / TICKS, () => opening.abort(noConnection()));
  // What AbortSignal.any leaves in a signal stays there as long as that lives.
  const unlisten = signals.map((signal) => onAbort(signal, () => opening.abort()));
  try {
    for (const signal of signals) signal.throwIfAborted();
    const socket = await connect(host, timeoutMs, opening.signal);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    return new Connection(socket);
  } catch (error) {
    for (const signal of signals) signal.throwIfAborted();
    throw connectionFailure(error as Error, host, { unconnected: true });
  } finally {
    callOff();
    for (const leave of unlisten) leave();
  }
}

/**
 * Resolves once the event says that the socket is connected. To be called in the turn that made the
 * socket: at its end the system may already have refused. Rejects with the signal's reason, too.
 */
export async function connected<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<S> {
  // Nobody else may be listening when it fails a second time, or is given up.
  socket.on('error', () => undefined);
  try {
    await once(socket, event, { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
}

/** As the system reports it, which would take it minutes. */
function noConnection(): Error {
  return Object.assign(new Error('no connection'), { code: 'ETIMEDOUT', syscall: 'connect' });
}
