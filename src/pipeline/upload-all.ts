import { setMaxListeners } from 'node:events';
import type { UploadFailure } from '../core/errors.js';
import type { Effort, Job, Outcome, PlanItem } from '../core/model.js';
import type { Recorder } from '../core/ports.js';
import { jobSize } from '../core/size.js';
import { askedMs, sleep } from '../core/waits.js';
import { createFilesInFlight, type FileLimits } from './files-in-flight.js';
import { lookAhead } from './look-ahead.js';
import { createPlanSilence } from './plan-silence.js';
import type { Ports } from './ports.js';
import { uploadOne } from './upload-one.js';

/** Jobs planned ahead of the one that begins next: enough for honest totals, little memory. */
const LOOK_AHEAD = 4_000;
/** Failed jobs that are kept for a second try; further ones are on record at once. */
const SECOND_TRIES = 10_000;

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
  const underWay = new Set<AbortController>();
  abort.addEventListener('abort', () => underWay.forEach((one) => one.abort(abort.reason)));
  const again: {
    readonly job: Job;
    readonly outcome: Extract<Outcome, { failure: UploadFailure }>;
    /** The service has asked to be left alone until then. */
    readonly dueAt: number;
  }[] = [];
  let bug: { readonly error: unknown } | undefined;

  async function settle(outcome: Outcome): Promise<void> {
    await recorder.record(outcome);
    ports.emit({ type: 'job-settled', outcome });
  }

  /** A bug ends the run, and every job is on record nevertheless. */
  function giveUp(error: unknown): void {
    bug ??= { error };
    halt.abort(error);
  }

  async function upload(job: Job, isLastTry: boolean, before?: Effort): Promise<void> {
    // One signal for all would have the listeners of all, through which each would look for its own.
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    if (abort.aborted) controller.abort(abort.reason);
    underWay.add(controller);
    const outcome = await uploadOne(job, inFlight.ports, controller.signal, before).catch(
      (error: unknown) => {
        giveUp(error);
        return interrupted(job);
      },
    );
    underWay.delete(controller);
    if (outcome.status === 'failed') {
      const { failure } = outcome;
      if (failure.rule.halts === 'run') halt.abort(failure);
      else if (
        !isLastTry &&
        isWorthAnother(failure) &&
        again.length < SECOND_TRIES &&
        !stop.aborted
      ) {
        again.push({ job, outcome, dueAt: performance.now() + (askedMs(failure) ?? 0) });
        ports.emit({ type: 'job-postponed', id: job.id });
        return;
      }
    }
    await settle(outcome);
  }

  function enqueue(job: Job, isLastTry: boolean, before?: Effort): Promise<void> {
    return inFlight.begin(job, () => upload(job, isLastTry, before).catch(giveUp));
  }

  /** Resolves at that time, or once no new job may begin. */
  async function due(at: number): Promise<void> {
    const waitMs = at - performance.now();
    if (waitMs > 0) await sleep(waitMs, stop).catch(() => undefined);
  }

  const silence = createPlanSilence(stop);
  const planned = lookAhead(
    plan,
    LOOK_AHEAD,
    (item) => {
      if (item.status === 'planned') ports.emit({ type: 'job-planned', size: jobSize(item.job) });
    },
    () => ports.emit({ type: 'plan-finished' }),
    AbortSignal.any([options.leave, silence.over]),
  );
  try {
    for await (const item of planned) {
      silence.heard();
      if (item.status !== 'planned') await settle(item);
      else if (stop.aborted) await settle(interrupted(item.job));
      else await enqueue(item.job, options.failAtOnce ?? false);
      silence.listen();
    }
  } catch (error) {
    giveUp(error);
  }
  silence.close();
  const isWhole = !silence.over.aborted;
  if (!isWhole) {
    const message =
      'the plan has said nothing for two minutes: what it had not named is not on record';
    ports.emit({ type: 'warning', message });
  }
  await inFlight.idle();
  again.sort((one, other) => one.dueAt - other.dueAt);
  for (const { job, outcome, dueAt } of again) {
    await due(dueAt);
    if (stop.aborted) await settle(outcome);
    else await enqueue(job, true, outcome.effort);
  }
  await inFlight.idle();
  if (bug) throw bug.error;
  return isWhole;
}

/**
 * A file that changed will not have changed back, and a session that did not last twice will not
 * last a third time; everything else that is retryable may pass.
 */
function isWorthAnother({ code, rule }: UploadFailure): boolean {
  return rule.retryable && code !== 'source-changed' && code !== 'session-expired';
}

function interrupted(job: Job): Outcome {
  return { status: 'interrupted', path: job.media.path, job };
}
