import type { UploadFailure } from '../core/errors.js';

const TROUBLES = new Set<string>(['throttled', 'stalled', 'too-many-open-files']);
/** A lone 5xx is bad luck; two so close to each other are a service that has too much to do. */
const STORM_MS = 1000;

/** Tells which failures ask for fewer connections. */
export function createTroubleDetector(): (failure: UploadFailure) => boolean {
  let unavailableAt = -Infinity;
  return ({ code }) => {
    if (code !== 'service-unavailable') return TROUBLES.has(code);
    const at = performance.now();
    const isStorm = at - unavailableAt < STORM_MS;
    unavailableAt = at;
    return isStorm;
  };
}
