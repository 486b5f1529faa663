import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import type { UploadFailure } from '../core/errors.js';
import type { Effort, Job, Outcome, PlanItem } from '../core/model.js';
import type { Recorder } from '../core/ports.js';
import { jobSize } from '../core/size.js';
import { createDemand } from './demand.js';
import { lookAhead } from './look-ahead.js';
import { createPlanSilence } from './plan-silence.js';
import type { Ports } from './ports.js';
import { uploadOne } from './upload-one.js';

/** Jobs planned ahead of the one that begins next: enough for honest totals, little memory. */
const LOOK_AHEAD = 4_000;
/** Failed jobs that are kept for a second try; further ones are on record at once. */
const SECOND_TRIES = 10_000;

/** Files in flight at least, and at most, where the number is automatic. */
const MIN_FILES = 4;
const MAX_FILES = 192;
/**
 * The next file begins while those in flight have fewer parts left than this for each connection. A
 * small file is a small part of one, and mostly waits for its apply and commit, so it takes many to
 * keep a connection busy; of large files a few suffice, and no certificate ages in a queue.
 */
const PARTS_A_SLOT = 3;

export interface UploadAllOptions {
  /** Files in flight; absent: as many as keep the connections busy. */
  readonly concurrency?: number;
  /** Files in flight at most, where the number is automatic. */
  readonly maxFiles?: number;
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
  const limit = pLimit(options.concurrency ?? Math.min(MAX_FILES, options.maxFiles ?? MAX_FILES));
  const demand = createDemand(ports);
  const halt = new AbortController();
  const stop = AbortSignal.any([options.stop, halt.signal]);
  const abort = AbortSignal.any([options.abort, halt.signal]);
  const underWay = new Set<AbortController>();
  abort.addEventListener('abort', () => underWay.forEach((one) => one.abort(abort.reason)));
  const again: {
    readonly job: Job;
    readonly outcome: Extract<Outcome, { failure: UploadFailure }>;
  }[] = [];
  let wake = (): void => undefined;
  const watched: Ports = {
    ...ports,
    emit(event) {
      if (event.type === 'job-progress') {
        demand.progress(event.id, event.size - event.bytesStored);
        wake();
      }
      ports.emit(event);
    },
  };
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
    const outcome = await uploadOne(job, watched, controller.signal, before).catch(
      (error: unknown) => {
        giveUp(error);
        return interrupted(job);
      },
    );
    underWay.delete(controller);
    demand.end(job.id);
    if (outcome.status === 'failed') {
      const { failure } = outcome;
      if (failure.rule.halts === 'run') halt.abort(failure);
      else if (
        !isLastTry &&
        isWorthAnother(failure) &&
        again.length < SECOND_TRIES &&
        !stop.aborted
      ) {
        again.push({ job, outcome });
        ports.emit({ type: 'job-postponed', id: job.id });
        return;
      }
    }
    await settle(outcome);
  }

  /** Begins the job, and resolves once there is a place for another. */
  async function enqueue(job: Job, isLastTry: boolean, before?: Effort): Promise<void> {
    demand.begin(job);
    void limit(() => upload(job, isLastTry, before))
      .catch(giveUp)
      .then(() => wake());
    await until(() => hasRoom() || stop.aborted);
    await ports.slots.resumed(stop);
  }

  function hasRoom(): boolean {
    const files = limit.activeCount + limit.pendingCount;
    if (files >= limit.concurrency) return false;
    if (options.concurrency !== undefined || files < MIN_FILES) return true;
    return demand.parts < PARTS_A_SLOT * ports.slots.expected;
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
  }
  ports.slots.onLimit(() => wake());
  const isIdle = (): boolean => limit.activeCount + limit.pendingCount === 0;
  stop.addEventListener('abort', () => wake(), { once: true });

  const silence = createPlanSilence(stop);
  const planned = lookAhead(
    plan,
    LOOK_AHEAD,
    (item) => {
      if (item.kind === 'job') ports.emit({ type: 'job-planned', size: jobSize(item.job) });
    },
    () => ports.emit({ type: 'plan-finished' }),
    AbortSignal.any([options.leave, silence.over]),
  );
  try {
    for await (const item of planned) {
      silence.heard();
      if (item.kind !== 'job') await settle(toOutcome(item));
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
  await until(isIdle);
  for (const { job, outcome } of again) {
    if (stop.aborted) await settle(outcome);
    else await enqueue(job, true, outcome.effort);
  }
  await until(isIdle);
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

function toOutcome(item: Exclude<PlanItem, { kind: 'job' }>): Outcome {
  // Whatever else the plan says of the input comes along.
  if (item.kind === 'failed') {
    const { kind: status, ...facts } = item;
    return { status, ...facts };
  }
  const { kind: status, ...facts } = item;
  return { status, ...facts };
}
