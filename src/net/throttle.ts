import { sleep } from '../core/waits.js';

/** Holds bytes back so that all connections together keep to a rate. */
export interface Throttle {
  /** Resolves when so many bytes may go. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
  /** How many wait for their turn. */
  readonly waiting: number;
  /** How long any waited, in milliseconds. */
  readonly heldMs: number;
  /** Bytes to take at a time, so that the rate is even over a second. */
  sliceSize(): number;
}

const MIN_SLICE = 4 * 1024;
const MAX_SLICE = 512 * 1024;
const SLICES_A_SECOND = 64;
/** How far unused time may be made up for. */
const BURST_MS = 50;

/** `rate` is asked anew each time, since a timetable may change it: bytes a second, or undefined. */
export function createThrottle(
  rate: () => number | undefined,
  now: () => number = () => performance.now(),
): Throttle {
  let nextAt = 0;
  let waiting = 0;
  let heldMs = 0;
  let heldSince = 0;
  return {
    async take(bytes, signal) {
      const limit = rate();
      if (limit === undefined) return;
      const at = now();
      const goAt = Math.max(nextAt, at - BURST_MS);
      nextAt = goAt + (bytes / limit) * 1000;
      if (goAt <= at) return;
      if (waiting === 0) heldSince = at;
      waiting += 1;
      await sleep(goAt - at, signal).finally(() => {
        waiting -= 1;
        if (waiting === 0) heldMs += now() - heldSince;
      });
    },
    get waiting() {
      return waiting;
    },
    get heldMs() {
      return heldMs;
    },
    sliceSize() {
      const limit = rate();
      if (limit === undefined) return MAX_SLICE;
      return Math.min(MAX_SLICE, Math.max(MIN_SLICE, Math.floor(limit / SLICES_A_SECOND)));
    },
  };
}
