import { resolve } from 'node:path';
import { usageError } from '../core/errors.js';
import { onAbort, orAborted } from '../core/waits.js';
import { createManifest, ManifestError, type Manifest } from '../manifest/manifest.js';
import type { ManifestTail } from '../manifest/format.js';
import type { Run } from './run-uploads.js';
import { packageVersion } from './version.js';

/** So long an interrupted run waits for whoever takes a record, or the manifest's end: a disk, or the reader of a pipe. */
const PATIENCE_MS = 5_000;
/** The same command, run again once there is room, writes the manifest that is missing. */
const RETRYABLE = 8;

/** Throws UsageError where it cannot be begun: nothing was sent yet. */
export async function openManifest(
  { flags, world, options }: Run,
  runId: string,
  startedAt: Date,
): Promise<Manifest | undefined> {
  if (flags.manifest === false) return undefined;
  return createManifest({
    path: resolve(world.cwd, flags.manifest),
    tool: { name: 'vod-upload', version: packageVersion() },
    runId,
    startedAt,
    options,
    processes: { pid: process.pid, isAlive },
  }).catch((error: unknown) => {
    if (!(error instanceof ManifestError)) throw error;
    throw usageError(error.message, error.hint);
  });
}

/** A manifest that is given up once a wait for it takes too long after the signal; `finish` throws ManifestError then. */
export function makeInterruptible(manifest: Manifest, interrupted: AbortSignal): Manifest {
  const givenUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (): void => givenUp.abort(new Error('it was not taken in time'));
  function moved(): void {
    clearTimeout(timer);
    if (interrupted.aborted) timer = setTimeout(giveUp, PATIENCE_MS).unref();
  }
  onAbort(interrupted, moved);
  return {
    record: (outcome) =>
      orAborted(manifest.record(outcome), givenUp.signal).then(moved, () => undefined),
    finish(tail) {
      moved();
      return manifest.finish(tail, givenUp.signal);
    },
  };
}

/**
 * A manifest that cannot be put in place is the run's failure, if there is no other, unless a signal
 * ended the wait for it. Resolves to the exit code.
 */
export async function finishManifest(
  manifest: Manifest | undefined,
  tail: ManifestTail,
  interruptCode: () => number | undefined,
  warn: (message: string) => void,
): Promise<number> {
  try {
    await manifest?.finish(tail);
    return tail.exitCode;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    warn(`${error.message}. ${error.hint}`);
    return interruptCode() ?? (tail.exitCode || RETRYABLE);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
