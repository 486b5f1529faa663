import { setMaxListeners } from 'node:events';
import { orAborted } from '../core/waits.js';
import { ManifestError, type Manifest } from '../manifest/manifest.js';

/** So long an interrupted run waits for whoever takes its manifest: a disk, or the reader of a pipe. */
const PATIENCE_MS = 5_000;

/** A manifest that is given up some time after the signal aborts; `finish` throws ManifestError then. */
export function makeInterruptible(manifest: Manifest, interrupted: AbortSignal): Manifest {
  const givenUp = new AbortController();
  // Each record that waits listens.
  setMaxListeners(0, givenUp.signal);
  const giveUp = (): void => givenUp.abort(new ManifestError('the manifest was not taken in time'));
  interrupted.addEventListener('abort', () => setTimeout(giveUp, PATIENCE_MS).unref(), {
    once: true,
  });
  return {
    record: (outcome) => orAborted(manifest.record(outcome), givenUp.signal).catch(() => undefined),
    finish: (tail) => orAborted(manifest.finish(tail), givenUp.signal),
  };
}
