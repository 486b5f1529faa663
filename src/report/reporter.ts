import type { UploadEvent } from '../core/events.js';

/** Something that listens to a run and tells about it. */
export interface Reporter {
  handle(event: UploadEvent): void;
  /** Lets go of the terminal and of timers; nothing is handed over afterwards. */
  stop?(): void;
}

/** Where text goes. */
export interface Output {
  write(text: string): unknown;
}

/** Calls `tick` again and again until the returned function is called. */
export type Every = (intervalMs: number, tick: () => void) => () => void;

/** The system's own clock; a report alone keeps no process alive. */
export const every: Every = (intervalMs, tick) => {
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};
