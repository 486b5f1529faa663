import type { UploadFailure } from '../core/errors.js';

/** Tells which failures ask for fewer connections. */
export interface TroubleDetector {
  /** The share of the latest requests that was refused, 1 for silence; 0 where it is no trouble. */
  trouble(failure: UploadFailure): number;
  /** A request was served. */
  served(): void;
}

const TROUBLES = new Set<string>(['stalled', 'too-many-open-files']);
/** A lone 5xx is bad luck; two so close to each other are a service that has too much to do. */
const STORM_MS = 1000;
/** So many requests that are served make up for one that is refused, and so many refusals can be saved up. */
const SERVED_A_REFUSAL = 20;
const MOST_SAVED = 2;
/** How many requests are the latest ones, about. */
const LATEST = 32;
/** Before the first answer so many count as served: a few bad ones at the beginning are bad luck. */
const UNKNOWN = 8;

/**
 * A service that refuses one request in twenty, whatever it is asked for, has not too much to do:
 * connections that came down for each would all but stop the run.
 */
export function createTroubleDetector(
  now: () => number = () => performance.now(),
): TroubleDetector {
  let unavailableAt = -Infinity;
  let saved = 0;
  let share = 0;
  let answers = UNKNOWN;

  function answered(refused: 0 | 1): void {
    answers = Math.min(LATEST, answers + 1);
    share += (refused - share) / answers;
  }

  function isStorm(): boolean {
    const before = unavailableAt;
    unavailableAt = now();
    return unavailableAt - before < STORM_MS;
  }

  return {
    trouble({ code }) {
      const isRefused = code === 'throttled' || code === 'service-unavailable';
      if (!isRefused) return TROUBLES.has(code) ? 1 : 0;
      answered(1);
      if (saved >= 1) {
        saved -= 1;
        return 0;
      }
      return code === 'throttled' || isStorm() ? share : 0;
    },
    served() {
      answered(0);
      saved = Math.min(MOST_SAVED, saved + 1 / SERVED_A_REFUSAL);
    },
  };
}
