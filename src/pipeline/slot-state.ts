export const MAX_SLOTS = 64;
/** From one look at the rate to the next while the number climbs. */
const TICK_MS = 100;
const FAST_TICK_MS = 150;
/**
 * Connections that each move more than this, in bytes a millisecond, are hardly what limits the run.
 * There the kernels on both sides swallow so much at once that a rise must last before it counts,
 * and be worth the parts that are under way, and lost, when the process dies.
 */
const FAST = 10_000;
/** Connections wait for answers most of the time from this share on, and nearly always from that one. */
const MOSTLY = 0.5;
export const NEARLY_ALL = 0.75;
/** At rest the rate is looked at once a second, since that is not free. */
const CALM_MS = 1000;
/** Calm ticks before a held number is tried again; the wait doubles while it does not pay. */
export const FIRST_REST_TICKS = 1;
const MAX_REST_TICKS = 60;
/** Calm ticks in which nearly all wait, before half as many are tried. */
export const FIRST_PROBE_TICKS = 4;

/** What so many connections carry together, in bytes a millisecond. */
export interface Yield {
  readonly slots: number;
  readonly rate: number;
}

/** What the controller knows; `decide` takes it from tick to tick. */
export interface SteeringState {
  readonly mode: 'climbing' | 'resting' | 'probing' | 'recovering';
  readonly slots: number;
  /** The number to go back to if the present one does not pay, and its rate. */
  readonly proven: Yield;
  /** A number whose rate was compared with that of another; none at the beginning. */
  readonly sure?: Yield;
  readonly ticks: number;
  /** Of all these ticks. */
  readonly rateSum: number;
  /** Of the tick before this one. */
  readonly lastRate: number;
  /** Which share of the connections waits for an answer, in the latest ticks. */
  readonly waiting: number;
  /** Calm ticks before more connections are tried, and before fewer are. */
  readonly restTicks: number;
  readonly probeTicks: number;
  /** Nothing has been learned yet of how many connections are too many. */
  readonly isFirstClimb: boolean;
  /** Never climb above this: where trouble began, or the maximum. */
  readonly ceiling: number;
  readonly maximum: number;
  /** The service has complained since connections came back last. */
  readonly hasComplained: boolean;
}

/** The beginning of a run: few connections, of which nothing is known. */
export function initialSteering(slots: number, ceiling = MAX_SLOTS): SteeringState {
  return {
    mode: 'climbing',
    slots,
    proven: { slots, rate: 0 },
    ticks: 0,
    rateSum: 0,
    lastRate: 0,
    waiting: 0,
    restTicks: FIRST_REST_TICKS,
    probeTicks: FIRST_PROBE_TICKS,
    isFirstClimb: true,
    ceiling,
    maximum: ceiling,
    hasComplained: false,
  };
}

/** Milliseconds from one decision to the next. */
export function tickMs(state: SteeringState): number {
  if (state.mode === 'resting' || state.mode === 'probing') return CALM_MS;
  return isFast(state) ? FAST_TICK_MS : TICK_MS;
}

/**
 * Whether each connection that has proved to pay is hardly what limits the run. Where they wait for answers
 * most of the time it is just that, however fast their bytes are.
 */
export function isFast({ proven, waiting }: SteeringState): boolean {
  return proven.rate / proven.slots > FAST && waiting < MOSTLY;
}

/** Another number, of which nothing is known yet. */
export function changed(slots: number): Pick<SteeringState, 'slots' | 'ticks' | 'rateSum'> {
  return { slots, ticks: 0, rateSum: 0 };
}

/** What was tried did not pay: the number before it rests, and longer than last time. */
export function goBack(state: SteeringState, { slots, rate }: Yield): SteeringState {
  const restTicks = Math.min(MAX_REST_TICKS, state.restTicks * 2);
  return { ...rest(state, slots, rate), restTicks };
}

/** Stays with the number, and what it yields, for a while. */
export function rest(state: SteeringState, slots: number, rate: number): SteeringState {
  return {
    ...state,
    ...changed(slots),
    mode: 'resting',
    proven: { slots, rate },
    ceiling: state.maximum,
    isFirstClimb: false,
    hasComplained: false,
  };
}
