import { tryOut } from './slot-probe.js';
import {
  changed,
  FIRST_PROBE_TICKS,
  FIRST_REST_TICKS,
  rest,
  type SteeringState,
} from './slot-state.js';

/** After trouble connections come back every so many ticks. */
const RECOVERY_TICKS = 5;
/** A service that refuses more than this share of what it is asked has too much to do. */
const LIGHT = 1 / 3;

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
    proven: { slots, rate: 0 },
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
  return tryOut(state, fewer, state.proven.rate);
}

/** Whether fewer connections may do as much, for all that is known. */
function isDueToYield({ ticks, probeTicks }: SteeringState): boolean {
  return ticks >= (probeTicks === FIRST_PROBE_TICKS ? 1 : probeTicks);
}

/** Half of what is missing comes back where the service is content again, one connection where it is not. */
export function recover(state: SteeringState, rate: number): SteeringState {
  if (state.slots >= state.ceiling) return rest(state, state.slots, rate);
  if (state.ticks < RECOVERY_TICKS) return state;
  const missing = state.ceiling - state.slots;
  const back = state.hasComplained ? 1 : Math.ceil(missing / 2);
  return { ...state, ...changed(state.slots + back), hasComplained: false };
}
