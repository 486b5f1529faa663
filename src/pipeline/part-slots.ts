import { onAbort, sleep } from '../core/waits.js';

/** Connections that carry bytes, shared by all files, and what the run may do to them. */
export interface PartSlots {
  /** Does the work once a connection is free. */
  run<T>(
    remaining: Remaining,
    work: (giveWay: GiveWay) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  readonly rules: SlotRules;
  adjust(changes: Partial<SlotRules>): void;
  /** Names who hears of every change of the rules. */
  onChange(listener: () => void): void;
  readonly active: number;
  readonly waiting: number;
  /** Resolves when no request carries bytes. */
  idle(): Promise<void>;
  /** The most that were active at once, and how long slots were taken, as a sum over all of them. */
  usage(): { readonly mostConnections: number; readonly connectedMs: number };
}

export interface SlotRules {
  /** How many requests may carry bytes at once. */
  readonly limit: number;
  /** For how many files shall be ready to send: at least the limit. */
  readonly expected: number;
  /** What waits to be repeated keeps its slot: a service in trouble is asked the less. */
  readonly isBraking: boolean;
  /** Nothing new starts; what is under way goes on. */
  readonly isPaused: boolean;
}

/** How many bytes a file has still to send; one function a file. */
export type Remaining = () => number;

/**
 * What work does that has to wait: for the pause, and where more connections are in use than there shall be,
 * others have the one it has. Resolves when it is its turn again, or rejects when the signal aborts first.
 */
export type GiveWay = (signal: AbortSignal, pauseMs?: number) => Promise<void>;

/** Work that gave way goes before any file. */
const begun: Remaining = () => -1;

/**
 * One limiter over all files for the requests that carry bytes. The file with the fewest bytes
 * still to send goes first, so that files end, and their certificates with them, instead of all
 * growing old together; what it leaves free goes to the next one.
 */
export function createPartSlots(limit: number): PartSlots {
  const queue = createQueue();
  const taken = createCount();
  const idlers: (() => void)[] = [];
  let rules: SlotRules = { limit, expected: limit, isBraking: false, isPaused: false };
  let tellChange = (): void => undefined;

  function fill(): void {
    while (!rules.isPaused && taken.count < rules.limit && queue.startNext()) taken.add(1);
    if (taken.count === 0) idlers.splice(0).forEach((resolve) => resolve());
  }

  /** Resolves with a slot taken, or rejects when the signal aborts first. */
  function take(remaining: Remaining, signal: AbortSignal): Promise<void> {
    const turn = queue.wait(remaining, signal);
    fill();
    return turn;
  }

  function release(): void {
    taken.add(-1);
    fill();
  }

  return {
    async run(remaining, work, signal) {
      await take(remaining, signal);
      let isHeld = true;
      const giveWay: GiveWay = async (waiting, pauseMs = 0) => {
        if (taken.count <= rules.limit && (rules.isBraking || pauseMs === 0)) return;
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
    get rules() {
      return rules;
    },
    adjust(changes) {
      rules = { ...rules, ...changes };
      fill();
      tellChange();
    },
    onChange: (listener) => void (tellChange = listener),
    get active() {
      return taken.count;
    },
    get waiting() {
      return queue.length;
    },
    idle: () =>
      taken.count === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve)),
    usage: taken.usage,
  };
}

/** What waits for a slot, a line for each file. */
function createQueue() {
  const lines = new Map<Remaining, (() => void)[]>();

  function remove(remaining: Remaining, start: () => void): void {
    const line = lines.get(remaining) ?? [];
    line.splice(line.indexOf(start), 1);
    if (line.length === 0) lines.delete(remaining);
  }

  return {
    get length() {
      return [...lines.values()].reduce((sum, line) => sum + line.length, 0);
    },
    /** Resolves once it is started, or rejects when the signal aborts first. */
    wait: (remaining: Remaining, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const unlisten = onAbort(signal, () => {
          remove(remaining, start);
          reject(signal.reason as Error);
        });
        const start = (): void => {
          remove(remaining, start);
          unlisten();
          resolve();
        };
        const line = lines.get(remaining);
        if (line) line.push(start);
        else lines.set(remaining, [start]);
      }),
    /** Of the file with the fewest bytes left; false where nothing waits. */
    startNext(): boolean {
      let start: (() => void) | undefined;
      let least = Infinity;
      for (const [remaining, line] of lines) {
        const bytes = remaining();
        if (bytes < least) [start, least] = [line[0], bytes];
      }
      start?.();
      return start !== undefined;
    },
  };
}

/** How many slots are taken, and were. */
function createCount() {
  let [count, most, connectedMs] = [0, 0, 0];
  let changedAt = performance.now();

  function add(change: number): void {
    const now = performance.now();
    connectedMs += count * (now - changedAt);
    changedAt = now;
    count += change;
    most = Math.max(most, count);
  }

  return {
    get count() {
      return count;
    },
    add,
    usage() {
      add(0);
      return { mostConnections: most, connectedMs };
    },
  };
}
