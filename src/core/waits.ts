import { UploadFailure } from './errors.js';

/** A minute. */
const SILENT_TICKS = 12;
const SILENT_TICK_MS = 5000;
/** A service that asks for more than this is not waited for so long. */
const LONGEST_ASKED_MS = 120_000;

/**
 * Waits by ticks of a timer, not by the clock: a process that was stopped sees one late tick. Keeps no process
 * alive; returns what calls it off.
 */
export function afterTicks(ticks: number, tickMs: number, onEnd: () => void): () => void {
  let left = ticks;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    onEnd();
  }, tickMs).unref();
  return () => clearInterval(timer);
}

/** What a disk says, or `read-error` where it says nothing for a minute. */
export function answered<T>(asking: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = afterTicks(SILENT_TICKS, SILENT_TICK_MS, () =>
      reject(new UploadFailure('read-error', 'the disk has not answered for a minute')),
    );
    asking.then(resolve, reject).finally(callOff);
  });
}

const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `hear` when the signal aborts; returns what takes that back. However many listen, the signal itself
 * has one listener: to add and remove one takes longer than much of what is waited for.
 */
export function onAbort(signal: AbortSignal, hear: () => void): () => void {
  const all = listeners.get(signal) ?? listenTo(signal);
  // The same function may listen for several reasons.
  const one = (): void => hear();
  all.add(one);
  return () => void all.delete(one);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const all = new Set<() => void>();
  listeners.set(signal, all);
  signal.addEventListener('abort', () => all.forEach((hear) => hear()), { once: true });
  return all;
}

/**
 * What the work comes to, or the signal's reason as soon as that aborts: for work that cannot be
 * stopped, such as asking a disk that is dead.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason as Error);
    if (signal.aborted) giveUp();
    work.then(resolve, reject).finally(onAbort(signal, giveUp));
  });
}

/** How long the service asks to be left alone, as far as it is heard. */
export function askedMs({ facts: { retryAfterMs } }: UploadFailure): number | undefined {
  return retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, LONGEST_ASKED_MS);
}

/** Waits, or rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const timer = setTimeout(() => {
      leave();
      resolve();
    }, ms);
    const leave = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
