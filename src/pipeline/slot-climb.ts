import { changed, goBack, NEARLY_ALL, rest, tickMs, type SteeringState } from './slot-state.js';

/** A doubling pays when the rate rises by this much; a single step by this much. */
export const DOUBLING_GAIN = 1.25;
const STEP_GAIN = 1.06;
/** Where each new connection brings nearly this share of what the old ones do, four times as many are next. */
const FULL_GAIN = 0.7;
/** So long may a rise take to show: new connections need their handshakes. */
const PATIENCE_MS = 1250;
/**
 * The very first rate, of one tick, may be what the kernels swallow, or come before any answer is waited
 * for: if so many ticks bring no more than it, it counts no longer.
 */
const FIRST_TICKS = 5;
/** More connections that carry less than this share tell that fewer did not really carry more. */
const DOUBT = 0.9;
/** More fast connections pay when a rate that lasts rises by this much. */
const FAST_GAIN = 1.15;
/** On fast connections the first tick after a change is the kernels', the next two are averaged. */
const FAST_TICKS = 3;
/** About what a link of 10 Gbit/s carries, in bytes a millisecond: connections that do it are enough. */
export const ENOUGH = 1_000_000;

/** More of fast connections, where what lasts rises. */
export function climbCarefully(state: SteeringState, rate: number): SteeringState {
  if (state.ticks < FAST_TICKS) return state;
  if (rate > ENOUGH && rate > state.proven.rate) return rest(state, state.slots, rate);
  const pays = rate > state.proven.rate * FAST_GAIN || !state.sure;
  if (pays) return climbOn(asSure(state, rate), rate, 2);
  return isPatient(state) ? state : goBack(state, state.proven);
}

/** More connections as long as each tick shows that they pay, and back where they do not. */
export function climb(state: SteeringState, rate: number): SteeringState {
  const isDoubling = state.slots >= state.proven.slots * 2 || state.slots === state.proven.slots;
  const gain = isDoubling ? DOUBLING_GAIN : STEP_GAIN;
  if (rate > state.proven.rate * gain) {
    const times = isDoubling && isFull(state, rate) ? 4 : 2;
    const known = state.sure || state.proven.rate === 0 ? state : asSure(state, rate);
    return climbOn(known, rate, times);
  }
  // Before the first byte is acknowledged there is nothing to go back to.
  return state.proven.rate === 0 ? state : climbOrGoBack(state, state.rateSum / state.ticks);
}

function climbOrGoBack(state: SteeringState, mean: number): SteeringState {
  const { sure } = state;
  if (!sure) return state.ticks < FIRST_TICKS ? state : climbOn(asSure(state, mean), mean, 2);
  if (isPatient(state)) return state;
  if (mean >= state.proven.rate * DOUBT) return goBack(state, state.proven);
  return mean > sure.rate * DOUBLING_GAIN
    ? climbOn(asSure(state, mean), mean, 2)
    : goBack(state, sure);
}

function isPatient(state: SteeringState): boolean {
  return state.ticks * tickMs(state) < PATIENCE_MS;
}

/** Whether each new connection does nearly as much as each of the old ones. */
function isFull({ slots, proven }: SteeringState, rate: number): boolean {
  return proven.rate > 0 && rate > proven.rate * (slots / proven.slots) * FULL_GAIN;
}

function asSure(state: SteeringState, rate: number): SteeringState {
  return { ...state, sure: { slots: state.slots, rate } };
}

/** The present number pays: so many times as many may pay more. */
function climbOn(state: SteeringState, rate: number, times: number): SteeringState {
  const slots = Math.min(state.ceiling, state.slots * times);
  if (slots === state.slots) return rest(state, slots, rate);
  return { ...state, ...changed(slots), proven: { slots: state.slots, rate } };
}

/**
 * While nearly all wait for answers the link is idle, and as many again take nothing from anybody. That holds
 * for the first climb: after it, it may be the service that takes its time.
 */
export function widen(state: SteeringState, waiting: number): SteeringState {
  if (waiting < NEARLY_ALL || !state.isFirstClimb) return state;
  const slots = Math.min(state.ceiling, state.slots * 2);
  return slots === state.slots ? state : { ...state, ...changed(slots), waiting };
}
