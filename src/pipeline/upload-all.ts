import type { Effort, Job, Outcome, PlanItem } from '../core/model.js';
import type { Recorder } from '../core/ports.js';
import { createFilesInFlight, type FileLimits } from './files-in-flight.js';
import type { Ports } from './ports.js';
import { readPlan } from './read-plan.js';
import { createSecondTries } from './second-tries.js';
import { uploadOne } from './upload-one.js';

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

  async function upload(job: Job, before?: Effort): Promise<void> {
    const outcome = await uploadOne(job, inFlight.ports, abort, before).catch((error: unknown) => {
      giveUp(error);
      return interrupted(job);
    });
    if (outcome.status === 'failed') {
      const { failure } = outcome;
      if (failure.rule.halts === 'run') halt.abort(failure);
      else if (before === undefined && secondTries.keep(job, outcome)) {
        ports.emit({ type: 'job-postponed', id: job.id });
        return;
      }
    }
    await settle(outcome);
  }

  function begin(job: Job, before?: Effort): Promise<void> {
    return inFlight.begin(job, () => upload(job, before).catch(giveUp));
  }

  try {
    for await (const item of planned) {
      if (item.status !== 'planned') await settle(item);
      else if (stop.aborted) await settle(interrupted(item.job));
      else await begin(item.job);
      for (const { job, outcome } of secondTries.early()) await begin(job, outcome.effort);
    }
  } catch (error) {
    giveUp(error);
  }
  await inFlight.idle();
  for await (const { job, outcome } of secondTries.due()) {
    if (stop.aborted) await settle(outcome);
    else await begin(job, outcome.effort);
  }
  await inFlight.idle();
  if (bug) throw bug.error;
  return isWhole;
}

function interrupted(job: Job): Outcome {
  return { status: 'interrupted', path: job.media.path, job };
}
