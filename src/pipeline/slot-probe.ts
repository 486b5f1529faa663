import { DOUBLING_GAIN } from './slot-climb.js';
import { changed, goBack, NEARLY_ALL, rest, type SteeringState } from './slot-state.js';

/** The wait for the next trial of half as many grows while they do less. */
const PROBE_TICKS_GROWTH = 8;
const MAX_PROBE_TICKS = 240;
/** The first calm tick with another number still has the answers to the old one. */
const TRIAL_TICKS = 2;

/** Whether nearly all have waited at rest for long enough to try half as many. */
export function isDueToHalve({ ticks, probeTicks, waiting, slots }: SteeringState): boolean {
  return ticks >= probeTicks && waiting >= NEARLY_ALL && slots > 1;
}

/**
 * Where nearly all wait for answers, each new connection brings a burst that says nothing, and answers may take
 * the longer the more are waited for: only what lasts tells whether another number does better.
 */
export function tryOut(state: SteeringState, number: number, rate: number): SteeringState {
  const slots = Math.min(state.ceiling, Math.ceil(number));
  return { ...state, ...changed(slots), mode: 'probing', proven: { slots: state.slots, rate } };
}

/** What the number that is tried out comes to: fewer are enough where they do as much, more where they do more. */
export function probe(state: SteeringState, rate: number): SteeringState {
  if (state.ticks < TRIAL_TICKS) return state;
  const { slots, proven } = state;
  if (slots > proven.slots) {
    const pays = rate > proven.rate * DOUBLING_GAIN;
    return pays ? rest(state, slots, rate) : goBack(state, proven);
  }
  // Where it is the connections that limit the run, fewer do as much less; where it is the service, they do all.
  const asMuch = (proven.rate * (1 + slots / proven.slots)) / 2;
  if (rate < asMuch) {
    const probeTicks = Math.min(MAX_PROBE_TICKS, state.probeTicks * PROBE_TICKS_GROWTH);
    return { ...rest(state, proven.slots, proven.rate), probeTicks };
  }
  const mayBeFewer = slots > 1 && state.waiting >= NEARLY_ALL;
  return mayBeFewer ? tryOut(state, slots / 2, proven.rate) : rest(state, slots, rate);
}
