import type { PartSlotControl } from './part-slots.js';

/** The number of connections that carry bytes, found by trying. */
export interface Steering {
  /** The service asked to slow down, or stopped answering. */
  slowDown(): void;
  stop(): void;
}

export const MAX_SLOTS = 64;
const TICK_MS = 250;
/** A doubling pays when the rate rises by this much; a single step by this much. */
const DOUBLING_GAIN = 1.25;
const STEP_GAIN = 1.06;
/** So long may a rise take to show: new connections need their handshakes. */
const PATIENCE_TICKS = 5;
/**
 * Connections that each move more than this, in bytes a millisecond, are not what limits the run.
 * There fewer may do as well, with less under way to lose in a crash; and the kernels on both sides
 * swallow so much at once that a rise must last before it counts.
 */
const FAST = 10_000;
const FEW_SLOTS = 4;
const FAST_GAIN = 1.15;
/** Fewer will do if they keep this share of the rate. */
const KEPT = 0.95;
/** On fast connections the first tick after a change is the kernels', the next two are averaged. */
const FAST_TICKS = 3;
/** A rest has ticks that are longer by so much: to look at the network is not free. */
const CALM = 4;
/** Calm ticks before a held number is tried again; the wait doubles while it does not pay. */
const FIRST_REST_TICKS = 4;
const MAX_REST_TICKS = 60;
/** The event loop has no time left above this share. */
const BUSY = 0.9;
/** After trouble one connection comes back in so many ticks. */
const RECOVERY_TICKS = 4;

/** What the controller knows; `decide` takes it from tick to tick. */
export interface SteeringState {
  readonly mode: 'climbing' | 'easing' | 'resting' | 'recovering';
  readonly slots: number;
  /** The number to go back to if the present one does not pay, and its rate. */
  readonly proven: number;
  readonly provenRate: number;
  readonly ticks: number;
  /** Of the tick before this one. */
  readonly lastRate: number;
  readonly restTicks: number;
  /** Never climb above this: where trouble began, or the maximum. */
  readonly ceiling: number;
  readonly maximum: number;
}

export function initialSteering(slots: number, ceiling = MAX_SLOTS): SteeringState {
  return {
    mode: 'climbing',
    slots,
    proven: slots,
    provenRate: 0,
    ticks: 0,
    lastRate: 0,
    restTicks: FIRST_REST_TICKS,
    ceiling,
    maximum: ceiling,
  };
}

/**
 * One step of the controller, pure: fast up while acknowledged bytes a second rise by more than
 * noise, back where they do not, a careful try again after a rest. `rate` is in bytes a millisecond.
 */
export function decide(before: SteeringState, rate: number): SteeringState {
  const state = { ...before, ticks: before.ticks + 1, lastRate: rate };
  const lasting = (before.lastRate + rate) / 2;
  switch (state.mode) {
    case 'recovering':
      return recover(state, rate);
    case 'resting':
      return stay(state, rate);
    case 'easing':
      return state.ticks < FAST_TICKS ? state : ease(state, lasting);
    case 'climbing':
      return state.provenRate / state.proven > FAST
        ? climbCarefully(state, lasting)
        : climb(state, rate);
  }
}

function recover(state: SteeringState, rate: number): SteeringState {
  if (state.slots >= state.ceiling) return rest(state, state.slots, rate);
  return state.ticks % RECOVERY_TICKS === 0 ? { ...state, slots: state.slots + 1 } : state;
}

function stay(state: SteeringState, rate: number): SteeringState {
  if (state.ticks < state.restTicks || state.slots >= state.ceiling) {
    // A slowly moving memory of what this number yields.
    return { ...state, provenRate: 0.8 * state.provenRate + 0.2 * rate };
  }
  const slots = Math.min(state.ceiling, Math.ceil(state.slots * 1.25));
  return { ...state, mode: 'climbing', ticks: 0, slots, proven: state.slots };
}

function ease(state: SteeringState, rate: number): SteeringState {
  return rate >= state.provenRate * KEPT
    ? rest(state, state.slots, rate)
    : rest(state, state.proven, state.provenRate);
}

function climbCarefully(state: SteeringState, rate: number): SteeringState {
  if (state.ticks < FAST_TICKS) return state;
  return rate > state.provenRate * FAST_GAIN ? rest(state, state.slots, rate) : goBack(state);
}

function climb(state: SteeringState, rate: number): SteeringState {
  const isFirst = state.provenRate === 0;
  const isDoubling = state.slots >= state.proven * 2 || state.slots === state.proven;
  const gain = isDoubling ? DOUBLING_GAIN : STEP_GAIN;
  if (rate <= state.provenRate * gain) {
    return isFirst || state.ticks < PATIENCE_TICKS ? state : goBack(state);
  }
  const step = { ...state, ticks: 0, proven: state.slots, provenRate: rate };
  if (isFirst && rate / state.slots > FAST && state.slots > FEW_SLOTS) {
    return { ...step, mode: 'easing', slots: FEW_SLOTS };
  }
  const slots = Math.min(state.ceiling, state.slots * 2);
  return slots === state.slots ? rest(state, slots, rate) : { ...step, slots };
}

function goBack(state: SteeringState): SteeringState {
  const restTicks = Math.min(MAX_REST_TICKS, state.restTicks * 2);
  return { ...rest(state, state.proven, state.provenRate), restTicks };
}

/** After trouble: half as many, and slowly back to what was too much. */
export function retreat(state: SteeringState): SteeringState {
  const slots = Math.max(1, Math.floor(state.slots / 2));
  return {
    ...state,
    mode: 'recovering',
    slots,
    proven: slots,
    provenRate: 0,
    ticks: 0,
    ceiling: Math.max(2, state.slots),
  };
}

function rest(state: SteeringState, slots: number, rate: number): SteeringState {
  return {
    ...state,
    mode: 'resting',
    slots,
    proven: slots,
    provenRate: rate,
    ticks: 0,
    ceiling: state.maximum,
  };
}

/** Steers the slots of a run by the bytes that the other side acknowledges. */
export function steer(
  slots: PartSlotControl,
  acknowledged: () => number,
  maximum: number,
): Steering {
  let state = initialSteering(slots.limit, maximum);
  let before: { readonly bytes: number; readonly at: number } | undefined;
  let troubleAt = -Infinity;

  let looks = 0;
  let loop = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    looks += 1;
    if (state.mode === 'resting' && looks % CALM !== 0) return;
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
    // More connections do nothing for a process that has no time for those that it has.
    state = next.slots > state.slots && isBusy ? rest(state, state.slots, rate) : next;
    slots.limit = state.slots;
  }, TICK_MS);
  timer.unref();

  return {
    slowDown() {
      const at = performance.now();
      // Requests of one moment complain together.
      if (at - troubleAt < 1000) return;
      troubleAt = at;
      state = retreat(state);
      slots.limit = state.slots;
    },
    stop: () => clearInterval(timer),
  };
}
