import { climb, climbCarefully, ENOUGH } from './slot-climb.js';
import { isDueToHalve, probe, tryOut } from './slot-probe.js';
import { changed, isFast, NEARLY_ALL, rest, type SteeringState } from './slot-state.js';
import { recover } from './slot-trouble.js';

/** A busy process adds none from here on; to fast connections it never adds. */
export const FEW_SLOTS = 8;
/** During the first climb files are begun for so many times as many connections. */
const FORESIGHT = 4;
/** So many ticks a busy process waits for time to add some, and then rests. */
const BUSY_TICKS = 5;

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

function stay(state: SteeringState, rate: number): SteeringState {
  const { proven } = state;
  const isEnough = state.slots >= state.ceiling || proven.rate > ENOUGH;
  if (state.ticks < state.restTicks || isEnough) {
    // A slowly moving memory of what this number yields.
    return { ...state, proven: { ...proven, rate: 0.8 * proven.rate + 0.2 * rate } };
  }
  if (state.waiting >= NEARLY_ALL) return tryOut(state, state.slots * 2, rate);
  const step = state.slots < FEW_SLOTS ? 2 : 1.25;
  const slots = Math.min(state.ceiling, Math.ceil(state.slots * step));
  const sure = { slots: state.slots, rate: proven.rate };
  return { ...state, ...changed(slots), mode: 'climbing', proven: sure, sure };
}

/**
 * More connections do nothing for a process that has no time for those that it has, unless it is
 * their beginning that takes the time, and nothing under a rate limit.
 */
export function putOff(before: SteeringState, rate: number): SteeringState {
  const state = after(before, rate);
  return state.ticks < BUSY_TICKS ? state : rest(state, state.slots, rate);
}
