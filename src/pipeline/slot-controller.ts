export const MAX_SLOTS = 64;
/** From one look at the rate to the next while the number climbs. */
const TICK_MS = 100;
const FAST_TICK_MS = 150;
/** A busy process adds none from here on; to fast connections it never adds. */
export const FEW_SLOTS = 8;
/** A doubling pays when the rate rises by this much; a single step by this much. */
const DOUBLING_GAIN = 1.25;
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
/**
 * Connections that each move more than this, in bytes a millisecond, are hardly what limits the run.
 * There the kernels on both sides swallow so much at once that a rise must last before it counts,
 * and be worth the parts that are under way, and lost, when the process dies.
 */
const FAST = 10_000;
const FAST_GAIN = 1.15;
/** Connections wait for answers most of the time from this share on, and nearly always from that one. */
const MOSTLY = 0.5;
const NEARLY_ALL = 0.75;
/** During the first climb files are begun for so many times as many connections. */
const FORESIGHT = 4;
/** Calm ticks in which nearly all wait, before half as many are tried; the wait grows while they do less. */
const FIRST_PROBE_TICKS = 4;
const PROBE_TICKS_GROWTH = 8;
const MAX_PROBE_TICKS = 240;
/** What half as many connections must do of what all did; where it is they that limit the run, they do half. */
const AS_MUCH = 0.8;
/** The first calm tick with another number still has the answers to the old one. */
const TRIAL_TICKS = 2;
/** On fast connections the first tick after a change is the kernels', the next two are averaged. */
const FAST_TICKS = 3;
/** About what a link of 10 Gbit/s carries, in bytes a millisecond: connections that do it are enough. */
const ENOUGH = 1_000_000;
/** At rest the rate is looked at once a second, since that is not free. */
const CALM_MS = 1000;
/** Calm ticks before a held number is tried again; the wait doubles while it does not pay. */
const FIRST_REST_TICKS = 1;
const MAX_REST_TICKS = 60;
/** So many ticks a busy process waits for time to add some, and then rests. */
const BUSY_TICKS = 5;
/** After trouble connections come back every so many ticks. */
const RECOVERY_TICKS = 5;

/** What so many connections carry together, in bytes a millisecond. */
interface Yield {
  readonly slots: number;
  readonly rate: number;
}

/** What the controller knows; `decide` takes it from tick to tick. */
export interface SteeringState {
  readonly mode: 'climbing' | 'resting' | 'probing' | 'recovering';
  readonly slots: number;
  /** The number to go back to if the present one does not pay, and its rate. */
  readonly proven: number;
  readonly provenRate: number;
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

export function initialSteering(slots: number, ceiling = MAX_SLOTS): SteeringState {
  return {
    mode: 'climbing',
    slots,
    proven: slots,
    provenRate: 0,
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

/**
 * While nearly all wait for answers the link is idle, and as many again take nothing from anybody. That holds
 * for the first climb: after it, it may be the service that takes its time.
 */
export function widen(state: SteeringState, waiting: number): SteeringState {
  if (waiting < NEARLY_ALL || !state.isFirstClimb) return state;
  const slots = Math.min(state.ceiling, state.slots * 2);
  return slots === state.slots ? state : { ...state, ...changed(slots), waiting };
}

/** For so many connections files shall be ready to send. */
export function foreseen({ slots, ceiling, isFirstClimb }: SteeringState): number {
  return isFirstClimb ? Math.min(ceiling, slots * FORESIGHT) : slots;
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
export function isFast({ provenRate, proven, waiting }: SteeringState): boolean {
  return provenRate / proven > FAST && waiting < MOSTLY;
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

function isDueToHalve({ ticks, probeTicks, waiting, slots }: SteeringState): boolean {
  return ticks >= probeTicks && waiting >= NEARLY_ALL && slots > 1;
}

/**
 * Where nearly all wait for answers, each new connection brings a burst that says nothing, and answers may take
 * the longer the more are waited for: only what lasts tells whether another number does better.
 */
function tryOut(state: SteeringState, number: number, provenRate: number): SteeringState {
  const slots = Math.min(state.ceiling, Math.ceil(number));
  return { ...state, ...changed(slots), mode: 'probing', proven: state.slots, provenRate };
}

/** What the number that is tried out comes to: fewer are enough where they do as much, more where they do more. */
function probe(state: SteeringState, rate: number): SteeringState {
  if (state.ticks < TRIAL_TICKS) return state;
  const { slots, provenRate } = state;
  if (slots > state.proven) {
    const pays = rate > provenRate * DOUBLING_GAIN;
    return pays ? rest(state, slots, rate) : goBack(state, proven(state));
  }
  if (rate < provenRate * AS_MUCH) {
    const probeTicks = Math.min(MAX_PROBE_TICKS, state.probeTicks * PROBE_TICKS_GROWTH);
    return { ...rest(state, state.proven, provenRate), probeTicks };
  }
  return slots > 1 ? tryOut(state, slots / 2, provenRate) : rest(state, slots, rate);
}

function climbCarefully(state: SteeringState, rate: number): SteeringState {
  if (state.ticks < FAST_TICKS) return state;
  if (rate > ENOUGH && rate > state.provenRate) return rest(state, state.slots, rate);
  const pays = rate > state.provenRate * FAST_GAIN || !state.sure;
  if (pays) return climbOn(asSure(state, rate), rate, 2);
  return isPatient(state) ? state : goBack(state, proven(state));
}

function climb(state: SteeringState, rate: number): SteeringState {
  const isDoubling = state.slots >= state.proven * 2 || state.slots === state.proven;
  const gain = isDoubling ? DOUBLING_GAIN : STEP_GAIN;
  if (rate > state.provenRate * gain) {
    const times = isDoubling && isFull(state, rate) ? 4 : 2;
    const known = state.sure || state.provenRate === 0 ? state : asSure(state, rate);
    return climbOn(known, rate, times);
  }
  // Before the first byte is acknowledged there is nothing to go back to.
  return state.provenRate === 0 ? state : climbOrGoBack(state, state.rateSum / state.ticks);
}

function climbOrGoBack(state: SteeringState, mean: number): SteeringState {
  const { sure } = state;
  if (!sure) return state.ticks < FIRST_TICKS ? state : climbOn(asSure(state, mean), mean, 2);
  if (isPatient(state)) return state;
  if (mean >= state.provenRate * DOUBT) return goBack(state, proven(state));
  return mean > sure.rate * DOUBLING_GAIN
    ? climbOn(asSure(state, mean), mean, 2)
    : goBack(state, sure);
}

function isPatient(state: SteeringState): boolean {
  return state.ticks * tickMs(state) < PATIENCE_MS;
}

/** Whether each new connection does nearly as much as each of the old ones. */
function isFull({ slots, proven, provenRate }: SteeringState, rate: number): boolean {
  return provenRate > 0 && rate > provenRate * (slots / proven) * FULL_GAIN;
}

function asSure(state: SteeringState, rate: number): SteeringState {
  return { ...state, sure: { slots: state.slots, rate } };
}

/** The present number pays: so many times as many may pay more. */
function climbOn(state: SteeringState, rate: number, times: number): SteeringState {
  const slots = Math.min(state.ceiling, state.slots * times);
  if (slots === state.slots) return rest(state, slots, rate);
  return { ...state, ...changed(slots), proven: state.slots, provenRate: rate };
}

function changed(slots: number): Pick<SteeringState, 'slots' | 'ticks' | 'rateSum'> {
  return { slots, ticks: 0, rateSum: 0 };
}

/**
 * More connections do nothing for a process that has no time for those that it has, unless it is
 * their beginning that takes the time, and nothing under a rate limit.
 */
export function putOff(before: SteeringState, rate: number): SteeringState {
  const state = after(before, rate);
  return state.ticks < BUSY_TICKS ? state : rest(state, state.slots, rate);
}

function goBack(state: SteeringState, { slots, rate }: Yield): SteeringState {
  const restTicks = Math.min(MAX_REST_TICKS, state.restTicks * 2);
  return { ...rest(state, slots, rate), restTicks };
}

function proven({ proven: slots, provenRate: rate }: SteeringState): Yield {
  return { slots, rate };
}

/**
 * After trouble: half as many, and back to what was too much. Trouble that goes on while few have come
 * back says nothing about how many are too many.
 */
export function retreat(state: SteeringState): SteeringState {
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

function rest(state: SteeringState, slots: number, rate: number): SteeringState {
  return {
    ...state,
    ...changed(slots),
    mode: 'resting',
    proven: slots,
    provenRate: rate,
    ceiling: state.maximum,
    isFirstClimb: false,
  };
}
