import { BodySocket } from './body-socket.js';
import type { Connection } from './connection.js';
import type { Flow } from './meter.js';
import type { Throttle } from './throttle.js';
import type { Watch } from './watchdog.js';

/** What a request carries chunk by chunk, at least one. A chunk stays untouched until the next is asked for. */
export interface Body {
  readonly size: number;
  read(position: number): Promise<Uint8Array>;
  /**
   * Is told by the sender: another thread reads the latest chunk until `end` settles. Its memory must not be
   * used before, even where the request has failed.
   */
  usedUntil(end: Promise<unknown>): void;
}

/** The request that a body belongs to, as far as its bytes need to know. */
export interface Sender {
  readonly flow: Flow;
  readonly watchdog: Watch;
  readonly throttle: Throttle | undefined;
  readonly signal: AbortSignal;
  /** Whether it is answered or has failed: no more bytes are wanted. */
  readonly isOver: boolean;
  /** The kernel has the last byte. */
  onSent(): void;
}

export interface Sending {
  /** Resolves when all is sent or no more is wanted; rejects as reading the body does, or with the signal's reason. */
  readonly done: Promise<void>;
  /** No more is wanted. */
  stop(): void;
  /** Resolves when no other thread is at work on a chunk; nothing where none is. */
  settled(): Promise<unknown> | undefined;
}

/** Chunks from here on are worth the way to another thread. */
const LARGE_CHUNK = 512 * 1024;
/** So many bytes go with the headers, which this thread writes. A multiple of pages, which the kernel reads faster. */
const WITH_HEADERS = 16 * 1024;
/** Node encrypts all that it is given, into memory of its own, before the first byte leaves. */
const ENCRYPTED_AT_ONCE = 512 * 1024;

/** Sends a body, a chunk at a time. */
export function sendBody(connection: Connection, body: Body, sender: Sender): Sending {
  const { flow, watchdog, throttle } = sender;
  const { socket } = connection;
  const mostAtOnce = socket instanceof BodySocket ? Infinity : ENCRYPTED_AT_ONCE;
  let left = body.size;
  let wake: (() => void) | undefined;
  let aside: Promise<number> | undefined;

  /** One chunk is read, then it is sent: others' chunks are sent meanwhile, and what the kernel holds of its own. */
  async function pump(): Promise<void> {
    for (let position = 0; position < body.size && !sender.isOver;) {
      const chunk = await body.read(position);
      position += chunk.length;
      for (let start = 0; start < chunk.length && !sender.isOver;) {
        // Slices are small enough that a limited rate is even.
        const slice = chunk.subarray(start, start + (throttle?.sliceSize() ?? mostAtOnce));
        if (throttle) await itsTurn(throttle, slice.length, sender);
        await write(slice);
        start += slice.length;
      }
    }
  }

  /** Resolves when the kernel has taken the bytes, or no more is wanted. */
  function write(bytes: Uint8Array): Promise<void> {
    return bytes.length >= LARGE_CHUNK && socket instanceof BodySocket
      ? writeAside(socket, bytes)
      : writeHere(bytes);
  }

  function taken(count: number): void {
    watchdog.moved();
    flow.took();
    left -= count;
    if (left > 0) return;
    flow.sent();
    sender.onSent();
  }

  function writeHere(bytes: Uint8Array): Promise<void> {
    if (sender.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      wake = resolve;
      flow.writing(bytes.length);
      connection.write(bytes, () => {
        taken(bytes.length);
        resolve();
      });
    });
  }

  async function writeAside(bodySocket: BodySocket, bytes: Uint8Array): Promise<void> {
    const isFirst = left === body.size;
    if (isFirst) await writeHere(bytes.subarray(0, WITH_HEADERS));
    if (sender.isOver) return;
    const rest = isFirst ? bytes.subarray(WITH_HEADERS) : bytes;
    aside = bodySocket.writeAside(rest).then((count) => {
      aside = undefined;
      flow.writing(count);
      if (count > 0) taken(count);
      return count;
    });
    body.usedUntil(aside);
    const count = await aside;
    // The event loop waits for a connection that cannot take more.
    if (count < rest.length) await writeHere(rest.subarray(count));
  }

  return { done: pump(), stop: () => wake?.(), settled: () => aside };
}

async function itsTurn(
  throttle: Throttle,
  bytes: number,
  { watchdog, signal }: Sender,
): Promise<void> {
  watchdog.held();
  await throttle.take(bytes, signal);
  watchdog.moved();
}
