import { onAbort } from '../core/waits.js';

/** Lets calls through at a pace that exceeds a rate in no second, and that bends when told so. */
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
/** How far unused time may be made up for: what is asked for together need not wait apart where the limit is high. */
const BURST_MS = 20;
/** After a complaint the pace is held, then grows back by this share of the limit each second. */
const HOLD_MS = 2_000;
const RECOVERY_PER_SECOND = 0.03;
/** Calls in flight complain about the same moment: one halving in so long is enough. */
const ONE_COMPLAINT_MS = 1_000;
const MIN_RATE = 0.5;
/** Timers do not count shorter times, and the margin makes up for them. */
const INSTANT_MS = 1;

/** Whoever waits goes in turn, at the pace of that moment: what was slow for a while costs nobody more later. */
export function createPacer(limit: number, now: () => number = () => performance.now()): Pacer {
  const pace = createPace(limit, now);
  const waiting = new Set<() => void>();
  let wentAt = -Infinity;
  let waitedMs = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Milliseconds until the next call may go; it goes where they are none to speak of. */
  function next(): number {
    const at = now();
    const goAt = Math.max(at - BURST_MS, wentAt + (1000 / pace.now()) * MARGIN);
    if (goAt - at < INSTANT_MS) wentAt = goAt;
    return goAt - at;
  }

  function letGo(): void {
    for (const go of waiting) {
      const waitMs = next();
      if (waitMs >= INSTANT_MS) {
        timer = setTimeout(letGo, waitMs);
        return;
      }
      go();
    }
  }

  function itsTurn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const since = now();
      const leave = (settle: () => void): void => {
        unlisten();
        waiting.delete(go);
        if (waiting.size === 0) clearTimeout(timer);
        waitedMs += now() - since;
        settle();
      };
      const go = (): void => leave(resolve);
      const unlisten = onAbort(signal, () => leave(() => reject(signal.reason as Error)));
      waiting.add(go);
    });
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      if (waiting.size === 0) {
        const waitMs = next();
        if (waitMs < INSTANT_MS) return;
        timer = setTimeout(letGo, waitMs);
      }
      await itsTurn(signal);
    },
    slowDown: pace.slowDown,
    get rate() {
      return pace.rate;
    },
    get waitedMs() {
      return waitedMs;
    },
  };
}

/** The rate that bends: half of it after a complaint, and back to the limit bit by bit. */
function createPace(limit: number, now: () => number) {
  let rate = limit;
  let recoveredAt = 0;
  let complainedAt = -Infinity;
  return {
    get rate() {
      return rate;
    },
    /** The rate, once what has come back by now is added. */
    now(): number {
      const at = now();
      if (rate >= limit || at < recoveredAt) return rate;
      rate = Math.min(limit, rate + limit * RECOVERY_PER_SECOND * ((at - recoveredAt) / 1000));
      recoveredAt = at;
      return rate;
    },
    slowDown(): void {
      const at = now();
      recoveredAt = at + HOLD_MS;
      if (at - complainedAt < ONE_COMPLAINT_MS) return;
      complainedAt = at;
      rate = Math.max(Math.min(MIN_RATE, limit), rate / 2);
    },
  };
}
