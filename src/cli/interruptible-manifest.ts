import { setMaxListeners } from 'node:events';
import { orAborted } from '../core/waits.js';
import type { Manifest } from '../manifest/manifest.js';

/** So long an interrupted run waits for whoever takes a record, or the manifest's end: a disk, or the reader of a pipe. */
const PATIENCE_MS = 5_000;

/** A manifest that is given up once a wait for it takes too long after the signal; `finish` throws ManifestError then. */
export function makeInterruptible(manifest: Manifest, interrupted: AbortSignal): Manifest {
  const givenUp = new AbortController();
  // Each record that waits listens.
  setMaxListeners(0, givenUp.signal);
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (): void => givenUp.abort(new Error('it was not taken in time'));
  function moved(): void {
    clearTimeout(timer);
    if (interrupted.aborted) timer = setTimeout(giveUp, PATIENCE_MS).unref();
  }
  interrupted.addEventListener('abort', moved, { once: true });
  return {
    record: (outcome) =>
      orAborted(manifest.record(outcome), givenUp.signal).then(moved, () => undefined),
    finish(tail) {
      moved();
      return manifest.finish(tail, givenUp.signal);
    },
  };
}
