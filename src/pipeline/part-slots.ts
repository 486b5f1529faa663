import { sleep } from '../core/waits.js';

/** Connections that carry bytes, shared by all files, and what the run may do to them. */
export interface PartSlotControl {
  /** `remaining` tells how many bytes the file has still to send. */
  open(remaining: () => number): SlotLane;
  /** How many requests may carry bytes at once. */
  limit: number;
  /** What waits to be repeated keeps its slot: a service in trouble is asked the less. */
  isBraking: boolean;
  /** For how many files shall be ready to send: at least the limit. */
  expected: number;
  readonly active: number;
  /** The most that were active at once. */
  readonly peak: number;
  /** How long slots were taken, as a sum over all of them. */
  readonly connectedMs: number;
  readonly waiting: number;
  /** Names who hears of every change of the limit and of what is expected of it, and of the end of a pause. */
  onChange(listener: () => void): void;
  readonly isPaused: boolean;
  /** Nothing new starts until `resume`; what is under way goes on. */
  pause(): void;
  resume(): void;
  /** Resolves when no request carries bytes. */
  idle(): Promise<void>;
}

/** A place in the queue for one file. */
export interface SlotLane {
  /** Does the work once a connection is free. */
  run<T>(work: (giveWay: GiveWay) => Promise<T>, signal: AbortSignal): Promise<T>;
  close(): void;
}

/**
 * What work does that has to wait: for the pause, and where more connections are in use than there shall be,
 * others have the one it has. Resolves when it is its turn again, or rejects when the signal aborts first.
 */
export type GiveWay = (signal: AbortSignal, pauseMs?: number) => Promise<void>;

interface Lane {
  readonly remaining: () => number;
  readonly queue: (() => void)[];
}

/**
 * One limiter over all files for the requests that carry bytes. The file with the fewest bytes
 * still to send goes first, so that files end, and their certificates with them, instead of all
 * growing old together; what it leaves free goes to the next one.
 */
export function createPartSlots(initialLimit: number): PartSlotControl {
  const lanes = new Set<Lane>();
  /** Work that gave way: it goes first. */
  const begun: (() => void)[] = [];
  const idlers: (() => void)[] = [];
  let limit = initialLimit;
  let expected = initialLimit;
  let active = 0;
  let peak = 0;
  let connectedMs = 0;
  let changedAt = performance.now();
  let isPaused = false;
  let tellChange = (): void => undefined;

  function next(): (() => void) | undefined {
    if (begun.length > 0) return begun.shift();
    let best: Lane | undefined;
    let least = Infinity;
    for (const lane of lanes) {
      const remaining = lane.queue.length === 0 ? Infinity : lane.remaining();
      if (remaining < least) [best, least] = [lane, remaining];
    }
    return best?.queue.shift();
  }

  function setActive(count: number): void {
    const now = performance.now();
    connectedMs += active * (now - changedAt);
    changedAt = now;
    active = count;
    peak = Math.max(peak, active);
  }

  function fill(): void {
    while (!isPaused && active < limit) {
      const start = next();
      if (start === undefined) break;
      setActive(active + 1);
      start();
    }
    if (active === 0) idlers.splice(0).forEach((resolve) => resolve());
  }

  /** Resolves with a slot taken, or rejects when the signal aborts first. */
  function take(queue: (() => void)[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', give);
        resolve();
      };
      const give = (): void => {
        queue.splice(queue.indexOf(start), 1);
        reject(signal.reason as Error);
      };
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal.addEventListener('abort', give, { once: true });
      queue.push(start);
      fill();
    });
  }

  function release(): void {
    setActive(active - 1);
    fill();
  }

  const control: PartSlotControl = {
    isBraking: false,
    open(remaining): SlotLane {
      const lane: Lane = { remaining, queue: [] };
      lanes.add(lane);
      return {
        async run(work, signal) {
          await take(lane.queue, signal);
          let isHeld = true;
          const giveWay: GiveWay = async (waiting, pauseMs = 0) => {
            if (active <= limit && (control.isBraking || pauseMs === 0)) return;
            isHeld = false;
            release();
            if (pauseMs > 0) await sleep(pauseMs, waiting);
            await take(begun, waiting);
            isHeld = true;
          };
          try {
            return await work(giveWay);
          } finally {
            if (isHeld) release();
          }
        },
        close: () => void lanes.delete(lane),
      };
    },
    get limit() {
      return limit;
    },
    set limit(value) {
      limit = value;
      fill();
      tellChange();
    },
    get expected() {
      return Math.max(limit, expected);
    },
    set expected(value) {
      expected = value;
      tellChange();
    },
    onChange(listener) {
      tellChange = listener;
    },
    get active() {
      return active;
    },
    get peak() {
      return peak;
    },
    get connectedMs() {
      setActive(active);
      return connectedMs;
    },
    get waiting() {
      return [...lanes].reduce((sum, lane) => sum + lane.queue.length, begun.length);
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      fill();
      tellChange();
    },
    get isPaused() {
      return isPaused;
    },
    idle: () => (active === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
  return control;
}
