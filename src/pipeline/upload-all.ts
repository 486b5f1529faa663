import { setTimeout as pause } from 'node:timers/promises';
import type { Failed, Job, Outcome, PlanItem } from '../core/model.js';
import type { Recorder } from '../core/ports.js';
import { createFilesInFlight, type FileLimits, type FilesInFlight } from './files-in-flight.js';
import type { Ports } from './ports.js';
import { readPlan } from './read-plan.js';
import { createSecondTries, type SecondTry } from './second-tries.js';
import { uploadOne } from './upload-one.js';

/** How often it is asked, once all is planned, whether a second try is due before the others have ended. */
const LOOK_MS = 10_000;

export interface UploadAllOptions extends FileLimits {
  /** Aborts when no new job may begin; what is under way goes on. */
  readonly stop: AbortSignal;
  /** Aborts when everything under way must end. */
  readonly abort: AbortSignal;
  /** Every failure is final: none is tried once more at the end. */
  readonly failAtOnce?: boolean;
  /** Aborts when no more of the plan is put on record, whatever it is at. */
  readonly leave: AbortSignal;
}

/**
 * Every planned item comes to exactly one outcome, and every outcome on record. Jobs that failed
 * but may fare better are tried once more at the end. A failure that halts the run (credentials,
 * a journal that cannot be written) stops it at once; jobs that had not begun are `interrupted`.
 * Resolves to false where a stopped run gave up a plan that said nothing any more, of which the rest is not
 * known. Throws what is a bug, once nothing is under way.
 */
export async function uploadAll(
  plan: AsyncIterable<PlanItem>,
  ports: Ports,
  recorder: Recorder,
  options: UploadAllOptions,
): Promise<boolean> {
  const halt = new AbortController();
  const stop = AbortSignal.any([options.stop, halt.signal]);
  const abort = AbortSignal.any([options.abort, halt.signal]);
  const inFlight = createFilesInFlight(options, ports, stop);
  const secondTries = createSecondTries(options.failAtOnce ?? false, stop);
  let bug: { readonly error: unknown } | undefined;
  let isWhole = true;
  const planned = readPlan(plan, ports, stop, options.leave, () => (isWhole = false));

  async function settle(outcome: Outcome): Promise<void> {
    await recorder.record(outcome);
    ports.emit({ type: 'job-settled', outcome });
  }

  /** A bug ends the run, and every job is on record nevertheless. */
  function giveUp(error: unknown): void {
    bug ??= { error };
    halt.abort(error);
  }

  async function upload(job: Job, first?: Failed): Promise<void> {
    const ending = uploadOne(job, inFlight.ports, abort, first?.effort);
    const ended = await ending.catch((error: unknown) => void giveUp(error));
    const outcome = orFirst(ended ?? interrupted(job), first);
    if (outcome.status === 'failed') {
      if (outcome.failure.rule.halts === 'run') halt.abort(outcome.failure);
      else if (first === undefined && secondTries.keep(job, outcome)) {
        ports.emit({ type: 'job-postponed', id: job.id });
        return;
      }
    }
    await settle(outcome);
  }

  const begin = (job: Job, first?: Failed): Promise<void> =>
    inFlight.begin(job, () => upload(job, first).catch(giveUp));

  async function tryAgain(tries: AsyncIterable<SecondTry> | SecondTry[]): Promise<void> {
    for await (const { job, outcome } of tries) {
      if (stop.aborted) await settle(outcome);
      else await begin(job, outcome);
    }
  }

  try {
    for await (const item of planned) {
      if (item.status !== 'planned') await settle(item);
      else if (stop.aborted) await settle(interrupted(item.job));
      else await begin(item.job);
      await tryAgain(secondTries.early());
    }
  } catch (error) {
    giveUp(error);
  }
  await untilIdle(inFlight, () => tryAgain(secondTries.early()));
  await tryAgain(secondTries.due());
  await inFlight.idle();
  if (bug) throw bug.error;
  return isWhole;
}

function interrupted(job: Job): Outcome {
  return { status: 'interrupted', path: job.media.path, job };
}

/** Until no file is in flight; looks at what else there is to do meanwhile. */
async function untilIdle(inFlight: FilesInFlight, look: () => Promise<void>): Promise<void> {
  const isIdle = (): Promise<boolean> => inFlight.idle().then(() => true);
  while (!(await Promise.race([isIdle(), pause(LOOK_MS, false, { ref: false })]))) await look();
}

/** A second try that was interrupted before it sent anything leaves the failure of the first on record. */
function orFirst(outcome: Outcome, first: Failed | undefined): Outcome {
  if (first === undefined || outcome.status !== 'interrupted') return outcome;
  const hasSent = (outcome.effort?.bytesSent ?? 0) > (first.effort?.bytesSent ?? 0);
  return hasSent ? outcome : first;
}
