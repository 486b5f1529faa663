import type { UploadFailure } from '../core/errors.js';

/** Tells which failures ask for fewer connections. */
export interface TroubleDetector {
  isTrouble(failure: UploadFailure): boolean;
  /** A request was served. */
  served(): void;
}

const TROUBLES = new Set<string>(['throttled', 'stalled', 'too-many-open-files']);
/** A lone 5xx is bad luck; two so close to each other are a service that has too much to do. */
const STORM_MS = 1000;
/** So many requests that are served make up for one that is refused, and so many refusals can be saved up. */
const SERVED_A_REFUSAL = 20;
const MOST_SAVED = 2;

/**
 * A service that refuses one request in twenty, whatever it is asked for, has not too much to do:
 * connections that came down for each would all but stop the run.
 */
export function createTroubleDetector(
  now: () => number = () => performance.now(),
): TroubleDetector {
  let unavailableAt = -Infinity;
  let saved = 0;
  return {
    isTrouble({ code }) {
      const isRefused = code === 'throttled' || code === 'service-unavailable';
      if (isRefused && saved >= 1) {
        saved -= 1;
        return false;
      }
      if (code !== 'service-unavailable') return TROUBLES.has(code);
      const at = now();
      const isStorm = at - unavailableAt < STORM_MS;
      unavailableAt = at;
      return isStorm;
    },
    served() {
      saved = Math.min(MOST_SAVED, saved + 1 / SERVED_A_REFUSAL);
    },
  };
}
