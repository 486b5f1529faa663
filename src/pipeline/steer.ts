import type { PartSlotControl } from './part-slots.js';
import {
  decide,
  FEW_SLOTS,
  initialSteering,
  isFast,
  putOff,
  retreat,
  tickMs,
} from './slot-controller.js';

/** The number of connections that carry bytes, found by trying. */
export interface Steering {
  /** The service asked to slow down, or stopped answering. */
  slowDown(): void;
  stop(): void;
}

/** While not all connections are in use it is looked this often whether they are. */
const BEGIN_MS = 25;
/** The event loop has no time left above this share. */
const BUSY = 0.9;

/**
 * Steers the slots of a run by the bytes that the other side acknowledges; adds none while most of
 * them wait for the rate limit.
 */
export function steer(
  slots: PartSlotControl,
  acknowledged: () => number,
  heldBack: () => number,
  maximum: number,
): Steering {
  let state = initialSteering(slots.limit, maximum);
  let before: { readonly bytes: number; readonly at: number } | undefined;
  let troubleAt = -Infinity;

  let loop = performance.eventLoopUtilization();
  let timer: NodeJS.Timeout;

  function look(): void {
    const now = performance.eventLoopUtilization();
    const isBusy = performance.eventLoopUtilization(now, loop).utilization > BUSY;
    loop = now;
    // Free slots say nothing about the network.
    const isFull = slots.waiting > 0 && slots.active >= slots.limit;
    const seen = isFull ? { bytes: acknowledged(), at: performance.now() } : undefined;
    const rate = seen && before && (seen.bytes - before.bytes) / (seen.at - before.at);
    before = seen;
    if (rate === undefined) return;
    const next = decide(state, rate);
    const isLimited = heldBack() >= slots.active / 2;
    const isEnough = isLimited || (isBusy && (state.slots >= FEW_SLOTS || isFast(state)));
    state = next.slots > state.slots && isEnough ? putOff(state, rate) : next;
    slots.limit = state.slots;
  }
  function lookLater(): void {
    const isBegun = before !== undefined || state.provenRate > 0;
    timer = setTimeout(
      () => {
        look();
        lookLater();
      },
      isBegun ? tickMs(state) : BEGIN_MS,
    ).unref();
  }
  lookLater();

  return {
    slowDown() {
      const at = performance.now();
      // Requests of one moment complain together.
      if (at - troubleAt < 1000) {
        state = { ...state, hasComplained: true };
        return;
      }
      troubleAt = at;
      state = retreat(state);
      slots.limit = state.slots;
    },
    stop: () => clearTimeout(timer),
  };
}
