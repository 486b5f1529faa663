import { afterTicks } from '../core/waits.js';

/** Two minutes: a dead disk is known to be one after the first. */
const TICKS = 24;
const TICK_MS = 5000;

/** How long a stopped run waits for its plan. */
export interface PlanSilence {
  /** Aborts once the plan has been listened to for two minutes and said nothing. */
  readonly over: AbortSignal;
  /** The plan has said something, and is listened to no more. */
  heard(): void;
  listen(): void;
  close(): void;
}

/** Silence counts once `stop` aborts. Listens from the beginning. */
export function createPlanSilence(stop: AbortSignal): PlanSilence {
  const over = new AbortController();
  let isListening = true;
  let callOff = (): void => undefined;
  function count(): void {
    if (!isListening || !stop.aborted) return;
    callOff = afterTicks(TICKS, TICK_MS, () => over.abort(new Error('the plan says nothing')));
  }
  function heard(): void {
    isListening = false;
    callOff();
  }
  count();
  stop.addEventListener('abort', count, { once: true });
  return {
    over: over.signal,
    heard,
    listen() {
      isListening = true;
      count();
    },
    close: heard,
  };
}
