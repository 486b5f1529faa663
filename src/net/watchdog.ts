import type { Flow } from './meter.js';

/** Watches one request for bytes that move. */
export interface Watch {
  /** Bytes went out or came in. */
  moved(): void;
  /** A rate limit holds the next bytes back: until they move, silence is no stall. */
  held(): void;
  /** The service says that it is still at work. */
  working(): void;
  /** The request is written, or an early answer ended it; from now on only the answer can move. */
  sent(): void;
  stop(): void;
}

interface Limits {
  readonly stallTimeoutMs: number;
  readonly spacesTimeoutMs?: number;
  readonly flow: Flow;
}

/**
 * A stall is counted in ticks of the timer, not read off a clock: a process that was stopped or a
 * laptop that slept sees one late tick, not a time-out. What the kernel still holds counts as
 * moving while it shrinks, since it takes megabytes at once and a slow link needs long to send them.
 */
export const TICKS = 20;

export function watch(limits: Limits, onStall: () => void): Watch {
  const tickMs = Math.max(10, limits.stallTimeoutMs / TICKS);
  let idle = 0;
  const workTicks = Math.ceil((limits.spacesTimeoutMs ?? 0) / tickMs);
  let waited = 0;
  let worked = 0;
  let isSent = false;
  let isHeld = false;
  let unsent: number | undefined;

  const timer = setInterval(() => {
    if (isHeld) return;
    idle += 1;
    if (idle > 1) {
      const left = limits.flow.unacknowledged();
      if (unsent !== undefined && left < unsent) {
        idle = 0;
        waited = 0;
      }
      unsent = left;
    }
    if (isSent) {
      waited += 1;
      worked += 1;
    }
    if (idle >= TICKS || waited >= TICKS) onStall();
  }, tickMs);

  return {
    moved() {
      idle = 0;
      isHeld = false;
    },
    held() {
      isHeld = true;
    },
    working() {
      if (worked < workTicks) waited = 0;
    },
    sent() {
      isSent = true;
      idle = 0;
    },
    stop: () => clearInterval(timer),
  };
}
