import type { EventLoopUtilization } from 'node:perf_hooks';
import type { PartSlots } from './part-slots.js';
import { widen } from './slot-climb.js';
import { decide, FEW_SLOTS, foreseen, putOff } from './slot-controller.js';
import { initialSteering, isFast, tickMs, type SteeringState } from './slot-state.js';
import { isHeavy, retreat } from './slot-trouble.js';

/** The number of connections that carry bytes, found by trying. */
export interface Steering {
  /** The service asked to slow down, and refused this share of the latest requests; all where it is silent. */
  slowDown(refused: number): void;
  stop(): void;
}

/** The event loop has no time left above this share. */
const BUSY = 0.9;
/** During the first climb it is looked this often whether the connections wait for answers. */
const LOOK_MS = 25;
/** A busy process does without for so many times as long as a reading takes: the kernel walks a table of its own size. */
const READING_TIMES = 40;

/** What the connections had moved at a moment, and how busy the event loop had been. */
interface Reading {
  readonly bytes: number;
  readonly at: number;
  readonly loop: EventLoopUtilization;
}

/** What moves on the connections, and what waits. */
export interface Traffic {
  /** Bytes that the other side has acknowledged so far, over all connections. */
  acknowledgedBytes(): number;
  /** Connections that have sent all and wait for an answer. */
  unanswered(): number;
  /** Connections that wait for the rate limit. */
  heldBack(): number;
}

/**
 * Steers the slots of a run by the bytes that the other side acknowledges; adds none while most of
 * them wait for the rate limit.
 */
export function steer(slots: PartSlots, traffic: Traffic, maximum: number): Steering {
  const readings = createReadings(traffic);
  let state = initialSteering(slots.rules.limit, maximum);
  let since: Reading | undefined;
  let loop = performance.eventLoopUtilization();
  let trouble = { at: -Infinity, refused: 0 };
  let timer: NodeJS.Timeout;

  function look(): void {
    // Free slots say nothing about the network.
    const isFull = slots.waiting > 0 && slots.active >= slots.rules.limit;
    // A busy process itself keeps answers waiting.
    const isFree = !isBusySince(loop);
    loop = performance.eventLoopUtilization();
    const waiting = isFull && isFree ? traffic.unanswered() / slots.active : 0;
    const wider = widen(state, waiting);
    if (wider !== state) {
      since = undefined;
      set(wider);
    } else if (!isFull) {
      since = undefined;
    } else if (readings.isDue(since, tickMs(state) - LOOK_MS / 2, isFree)) {
      const now = readings.read(loop);
      if (since) measured(rateBetween(since, now), isBusySince(since.loop), waiting);
      since = now;
    }
  }
  function measured(rate: number, isBusy: boolean, waiting: number): void {
    const next = decide(state, rate, waiting);
    const isLimited = traffic.heldBack() >= slots.active / 2;
    const isEnough = isLimited || (isBusy && (state.slots >= FEW_SLOTS || isFast(state)));
    set(next.slots > state.slots && isEnough ? putOff(state, rate) : next);
  }
  function set(next: SteeringState): void {
    state = next;
    const { slots: limit, hasComplained: isBraking } = state;
    slots.adjust({ limit, isBraking, expected: foreseen(state) });
  }
  function lookLater(): void {
    timer = setTimeout(
      () => {
        look();
        lookLater();
      },
      state.isFirstClimb ? LOOK_MS : tickMs(state),
    ).unref();
  }
  set(state);
  lookLater();

  return {
    slowDown(refused) {
      const at = performance.now();
      const isWorse = isHeavy(refused) && !isHeavy(trouble.refused);
      // Requests of one moment complain together.
      if (at - trouble.at < 1000 && !isWorse) {
        if (state.mode === 'recovering' && isHeavy(refused)) set({ ...state, hasComplained: true });
        return;
      }
      trouble = { at, refused };
      set(retreat(state, refused));
    },
    stop: () => clearTimeout(timer),
  };
}

/** Without a complaint for so long the service is well again. */
const QUIET_MS = 2000;

/** A number that the user has chosen stays; what waits keeps its connection while the service has too much to do. */
export function hold(slots: PartSlots): Steering {
  let timer: NodeJS.Timeout | undefined;
  return {
    slowDown(refused) {
      clearTimeout(timer);
      slots.adjust({ isBraking: isHeavy(refused) });
      timer = setTimeout(() => slots.adjust({ isBraking: false }), QUIET_MS).unref();
    },
    stop: () => clearTimeout(timer),
  };
}

function isBusySince(before: EventLoopUtilization): boolean {
  return performance.eventLoopUtilization(before).utilization > BUSY;
}

/** Readings of what has moved, no more of them than a process that is not free can afford. */
function createReadings(traffic: Traffic) {
  let restsUntil = -Infinity;
  return {
    isDue(since: Reading | undefined, tick: number, isFree: boolean): boolean {
      const now = performance.now();
      const isAffordable = isFree || now >= restsUntil;
      return isAffordable && (since === undefined || now - since.at > tick);
    },
    read(loop: EventLoopUtilization): Reading {
      const begunAt = performance.now();
      const bytes = traffic.acknowledgedBytes();
      const at = performance.now();
      restsUntil = at + (at - begunAt) * READING_TIMES;
      return { bytes, at, loop };
    },
  };
}

/** In bytes a millisecond. */
function rateBetween(since: Reading, now: Reading): number {
  return (now.bytes - since.bytes) / (now.at - since.at);
}
