import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * Counts the bytes of all requests that the other side has acknowledged. What a socket was given is
 * no measure: Node keeps what the kernel does not take, and the kernel takes megabytes at once. The
 * one is known everywhere, the other on Linux.
 */
export interface Meter {
  /** A request is about to send over this connection. */
  open(socket: Socket): Flow;
  /** Bytes acknowledged since the start, over all connections; grows as evenly as the network does. */
  acknowledged(): number;
  /** Requests whose whole body the other side has, and that wait for its answer. */
  unanswered(): number;
  /** The share of the time of all requests in which they waited so, 0 to 1, as often as anyone has looked. */
  readonly answering: number;
}

/** The bytes of one request. */
export interface Flow {
  /** So many bytes are being written; those before were taken. */
  writing(bytes: number): void;
  /** The kernel has taken them. */
  took(): void;
  /** Those were the last ones of a body. */
  sent(): void;
  /** Bytes that were written and are not acknowledged, as far as anything tells. */
  unacknowledged(): number;
  close(): void;
}

/** A flow that is not closed. */
interface Open {
  written: number;
  isSent: boolean;
  readonly socket: Socket;
}

/** What Node's type definitions leave out of the handles of its sockets. */
interface Handle {
  readonly writeQueueSize?: number;
  readonly _parent?: Handle;
}

const TABLES = { IPv4: '/proc/self/net/tcp', IPv6: '/proc/self/net/tcp6' } as const;
/**
 * A reading serves every watchdog that asks within this time, and for so many times as long as it
 * took: the kernel walks a table of its own size, which may take ten milliseconds.
 */
const FRESH_MS = 40;
const FRESH_TIMES = 40;

export function createMeter(): Meter {
  const flows = new Set<Open>();
  let taken = 0;
  let told = 0;
  let queues: ReadonlyMap<Socket, number> = new Map();
  let freshUntil = -Infinity;
  let readAt = performance.now();
  let [openMs, unansweredMs] = [0, 0];

  function refresh(): void {
    const now = performance.now();
    queues = readQueues([...flows].map(({ socket }) => socket));
    openMs += flows.size * (now - readAt);
    unansweredMs += countUnanswered() * (now - readAt);
    readAt = now;
    const tookMs = performance.now() - now;
    freshUntil = now + Math.max(FRESH_MS, tookMs * FRESH_TIMES);
  }

  /** Bytes of the flow that nobody has acknowledged yet. */
  const pending = ({ written, socket }: Open): number =>
    keptByNode(socket, written) + (queues.get(socket) ?? 0);
  const countUnanswered = (): number =>
    [...flows].filter((flow) => flow.isSent && pending(flow) === 0).length;

  return {
    open(socket) {
      const flow = { written: 0, isSent: false, socket };
      if (flows.size === 0) readAt = performance.now();
      flows.add(flow);
      return {
        writing: (bytes) => void (flow.written = bytes),
        took() {
          taken += flow.written;
          flow.written = 0;
        },
        sent: () => void (flow.isSent = true),
        unacknowledged() {
          if (performance.now() >= freshUntil) refresh();
          return pending(flow);
        },
        close() {
          // What left is not called back: the count never falls.
          taken += flow.written - keptByNode(socket, flow.written);
          flow.written = 0;
          flows.delete(flow);
        },
      };
    },
    acknowledged() {
      refresh();
      let bytes = taken;
      for (const flow of flows) bytes += flow.written - pending(flow);
      // What another thread is writing is in a queue before it counts as taken.
      told = Math.max(told, bytes);
      return told;
    },
    unanswered() {
      if (performance.now() >= freshUntil) refresh();
      return countUnanswered();
    },
    get answering() {
      return openMs > 0 ? unansweredMs / openMs : 0;
    },
  };
}

/** How much of what is being written the kernel has not taken; only the handle of a socket tells. */
function keptByNode(socket: Socket, written: number): number {
  const { _handle: handle } = socket as { readonly _handle?: Handle | null };
  // Under TLS the connection is that of the handle below.
  return Math.min(written, (handle?._parent ?? handle)?.writeQueueSize ?? written);
}

/** The send queues of these connections, as the kernel's table tells them. */
function readQueues(sockets: readonly Socket[]): Map<Socket, number> {
  const queues = new Map<Socket, number>();
  const byPort = new Map(sockets.map((socket) => [socket.localPort, socket]));
  for (const family of ['IPv4', 'IPv6'] as const) {
    if (!sockets.some(({ remoteFamily }) => remoteFamily === family)) continue;
    let text: string;
    try {
      text = readFileSync(TABLES[family], 'latin1');
    } catch {
      return queues;
    }
    for (const row of text.split('\n')) {
      const [, local, remote, , queue] = row.trim().split(/\s+/, 5);
      const socket = byPort.get(portOf(local));
      if (socket && socket.remotePort === portOf(remote)) {
        queues.set(socket, parseInt(queue ?? '0', 16));
      }
    }
  }
  return queues;
}

function portOf(address: string | undefined): number {
  return parseInt(address?.split(':')[1] ?? '', 16);
}
