/** The time as the services see it: the local clock plus what their answers taught. */
export interface Clock {
  now(): Date;
  /** Server minus local, in milliseconds. */
  readonly offsetMs: number;
  /** Takes the service's word for the time; returns whether that changed anything that matters. */
  correct(offsetMs: number): boolean;
}

/** Differences below this are the network's own delay. */
const TOLERANCE_MS = 30_000;

/** Whether two clocks this far apart disagree. */
export function isSkewed(differenceMs: number): boolean {
  return Math.abs(differenceMs) >= TOLERANCE_MS;
}

export function createClock(): Clock {
  let offsetMs = 0;
  return {
    now: () => new Date(Date.now() + offsetMs),
    get offsetMs() {
      return offsetMs;
    },
    correct(measuredMs) {
      if (!isSkewed(measuredMs - offsetMs)) return false;
      offsetMs = measuredMs;
      return true;
    },
  };
}

/** Server minus local clock by an HTTP Date header; undefined where the header is missing or unreadable. */
export function offsetFromDate(date: string | undefined): number | undefined {
  const serverMs = date === undefined ? NaN : Date.parse(date);
  return Number.isNaN(serverMs) ? undefined : serverMs - Date.now();
}
