import { sleep } from './retry.js';

/** Lets calls through at an even pace that never exceeds a rate, and that bends when told so. */
export interface Pacer {
  /** Resolves when the caller may go. */
  take(signal: AbortSignal): Promise<void>;
  /** The service complained: half the pace, for a while. */
  slowDown(): void;
  /** Calls a second at present. */
  readonly rate: number;
  /** How long calls have waited, all together. */
  readonly waitedMs: number;
}

/** Calls are sent a little further apart than the limit, since the network may squeeze them together. */
const MARGIN = 1.05;
/** After a complaint the pace grows back by this share of the limit each second. */
const RECOVERY_PER_SECOND = 0.05;
const MIN_RATE = 0.5;

export function createPacer(limit: number, now: () => number = () => performance.now()): Pacer {
  let rate = limit;
  let changedAt = 0;
  let nextAt = 0;
  let waitedMs = 0;

  function recover(): void {
    if (rate >= limit) return;
    const at = now();
    rate = Math.min(limit, rate + limit * RECOVERY_PER_SECOND * ((at - changedAt) / 1000));
    changedAt = at;
  }

  return {
    async take(signal) {
      recover();
      const at = now();
      const goAt = Math.max(at, nextAt);
      nextAt = goAt + (1000 / rate) * MARGIN;
      if (goAt <= at) return;
      waitedMs += goAt - at;
      await sleep(goAt - at, signal);
    },
    slowDown() {
      const at = now();
      // Several calls in flight complain about the same moment: one halving a second is enough.
      if (rate < limit && at - changedAt < 1000) return;
      rate = Math.max(MIN_RATE, rate / 2);
      changedAt = at;
    },
    get rate() {
      return rate;
    },
    get waitedMs() {
      return waitedMs;
    },
  };
}
