import { climb, climbCarefully, ENOUGH } from './slot-climb.js';
import { isDueToHalve, isDueToYield, probe, tryOut } from './slot-probe.js';
import {
  changed,
  FIRST_REST_TICKS,
  isFast,
  NEARLY_ALL,
  rest,
  type SteeringState,
} from './slot-state.js';

/** A busy process adds none from here on; to fast connections it never adds. */
export const FEW_SLOTS = 8;
/** During the first climb files are begun for so many times as many connections. */
const FORESIGHT = 4;
/** So many ticks a busy process waits for time to add some, and then rests. */
const BUSY_TICKS = 5;
/** After trouble connections come back every so many ticks. */
const RECOVERY_TICKS = 5;
/** A service that refuses more than this share of what it is asked has too much to do. */
const LIGHT = 1 / 3;

/**
 * One step of the controller, pure: fast up while acknowledged bytes a second rise by more than
 * noise, back where they do not, a careful try again after a rest. `rate` is in bytes a millisecond,
 * `waiting` the share of the connections that have sent all and wait for an answer.
 */
export function decide(before: SteeringState, rate: number, waiting = 0): SteeringState {
  const state = after(before, rate, waiting);
  const lasting = (before.lastRate + rate) / 2;
  switch (state.mode) {
    case 'recovering':
      return recover(state, rate);
    case 'resting':
      return isDueToHalve(state) ? tryOut(state, state.slots / 2, lasting) : stay(state, rate);
    case 'probing':
      return probe(state, rate);
    case 'climbing':
      return isFast(state) ? climbCarefully(state, lasting) : climb(state, rate);
  }
}

function after(before: SteeringState, rate: number, now = before.waiting): SteeringState {
  const rateSum = before.rateSum + rate;
  const waiting = (before.waiting + now) / 2;
  return { ...before, ticks: before.ticks + 1, lastRate: rate, rateSum, waiting };
}

/** For so many connections files shall be ready to send. */
export function foreseen({ slots, ceiling, isFirstClimb }: SteeringState): number {
  return isFirstClimb ? Math.min(ceiling, slots * FORESIGHT) : slots;
}

/** Half of what is missing comes back where the service is content again, one connection where it is not. */
function recover(state: SteeringState, rate: number): SteeringState {
  if (state.slots >= state.ceiling) return rest(state, state.slots, rate);
  if (state.ticks < RECOVERY_TICKS) return state;
  const missing = state.ceiling - state.slots;
  const back = state.hasComplained ? 1 : Math.ceil(missing / 2);
  return { ...state, ...changed(state.slots + back), hasComplained: false };
}

function stay(state: SteeringState, rate: number): SteeringState {
  const isEnough = state.slots >= state.ceiling || state.provenRate > ENOUGH;
  if (state.ticks < state.restTicks || isEnough) {
    // A slowly moving memory of what this number yields.
    return { ...state, provenRate: 0.8 * state.provenRate + 0.2 * rate };
  }
  if (state.waiting >= NEARLY_ALL) return tryOut(state, state.slots * 2, rate);
  const step = state.slots < FEW_SLOTS ? 2 : 1.25;
  const slots = Math.min(state.ceiling, Math.ceil(state.slots * step));
  const sure = { slots: state.slots, rate: state.provenRate };
  return { ...state, ...changed(slots), mode: 'climbing', proven: state.slots, sure };
}

/**
 * More connections do nothing for a process that has no time for those that it has, unless it is
 * their beginning that takes the time, and nothing under a rate limit.
 */
export function putOff(before: SteeringState, rate: number): SteeringState {
  const state = after(before, rate);
  return state.ticks < BUSY_TICKS ? state : rest(state, state.slots, rate);
}

/** Whether this share of refusals tells of a service that has too much to do. */
export function isHeavy(refused: number): boolean {
  return refused > LIGHT;
}

/**
 * After trouble: half as many, and back to what was too much. Trouble that goes on while few have come
 * back says nothing about how many are too many.
 */
export function retreat(state: SteeringState, refused: number): SteeringState {
  if (!isHeavy(refused)) return yieldTo(state, refused);
  const slots = Math.max(1, Math.floor(state.slots / 2));
  const goesOn = state.mode === 'recovering' && state.slots <= state.ceiling / 2;
  return {
    ...state,
    ...changed(slots),
    mode: 'recovering',
    proven: slots,
    provenRate: 0,
    ceiling: goesOn ? state.ceiling : Math.max(2, state.slots),
    // What did not pay before the trouble may pay after it.
    restTicks: FIRST_REST_TICKS,
    isFirstClimb: false,
    hasComplained: true,
  };
}

/**
 * A few refusals: it is tried whether as many connections as are served do as much. A climb finds out by
 * itself whether more pay.
 */
function yieldTo(state: SteeringState, refused: number): SteeringState {
  if (state.mode === 'recovering') return rest(state, state.slots, state.lastRate);
  const fewer = Math.ceil(state.slots * (1 - refused));
  if (state.mode !== 'resting' || fewer === state.slots || !isDueToYield(state)) return state;
  return tryOut(state, fewer, state.provenRate);
}
