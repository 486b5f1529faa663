import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Emit } from '../core/events.js';
import type { Outcome, PlanItem } from '../core/model.js';
import type { Recorder } from '../core/ports.js';
import { visibleMessage } from '../core/text.js';
import { onAbort } from '../core/waits.js';
import { chunkMemory } from '../cos/chunk-memory.js';
import type { OpenJournal } from '../journal/journal.js';
import { openJournal } from '../journal/open-journal.js';
import type { FileLimits } from '../pipeline/files-in-flight.js';
import { createPartSlots, type PartSlots } from '../pipeline/part-slots.js';
import type { Ports } from '../pipeline/ports.js';
import { MAX_SLOTS } from '../pipeline/slot-state.js';
import { hold, steer } from '../pipeline/steer.js';
import { uploadAll } from '../pipeline/upload-all.js';
import { createVerdict } from '../pipeline/verdict.js';
import { sourceOf } from '../plan/source.js';
import type { ResolvedCredentials } from './credentials.js';
import { listenForInterrupts } from './interrupts.js';
import { listenForStops } from './job-control.js';
import { listenForKeys } from './keys.js';
import { assertOpenFileLimit, roomForFiles } from './open-file-limit.js';
import { createReporters, type Reporters } from './reporters.js';
import { explainRun } from './explain-run.js';
import { gauge } from './gauges.js';
import { countsErrors, createRunLimits } from './run-limits.js';
import { finishManifest, makeInterruptible, openManifest } from './run-manifest.js';
import { connectServices, type Services } from './services.js';
import type { UploadFlags } from './upload-options.js';
import type { ServiceSettings } from './upload-settings.js';
import type { World } from './world.js';

/** A run: jobs to upload, and everything that is decided about how. */
export interface Run {
  readonly flags: UploadFlags;
  readonly world: World;
  readonly service: ServiceSettings;
  readonly credentials: ResolvedCredentials;
  /** For the manifest: nothing secret. */
  readonly options: Record<string, unknown>;
  readonly stateDir: string;
  /** What is unfinished is finished, whatever is known of its file. */
  readonly finishes?: boolean;
  /** Tells the plan that nothing more will be sent. */
  endPlan?(): void;
  /** Ends the plan, wherever it is: nothing more of it is taken. */
  leavePlan?(): void;
  /** Hands over the plan's warnings, those from before and those to come. */
  listenToWarnings?(listener: (message: string) => void): void;
}

/** A timer keeps the process alive to the end of the run, however rarely it is due. */
const ALIVE_MS = 60_000;

/** Connections that an automatic run begins with. */
const FIRST_SLOTS = 2;

/** Opens the journal of this run; throws `journal-unwritable`. */
export function openRunJournal(
  run: Pick<Run, 'flags' | 'stateDir'> & Partial<Pick<Run, 'finishes'>>,
  runId: string,
  now: () => Date,
  clockOffsetMs: () => number = () => 0,
): Promise<OpenJournal> {
  return openJournal({
    dir: run.stateDir,
    runId,
    pid: process.pid,
    host: hostname(),
    now,
    clockOffsetMs,
    resume: run.flags.resume,
    force: run.flags.force,
    finishes: run.finishes === true,
  });
}

/** Uploads every job of the plan; resolves to the exit code. */
export async function runUploads(plan: AsyncIterable<PlanItem>, run: Run): Promise<number> {
  assertOpenFileLimit();
  // Else the first file would find out that there is no room, in its session.
  chunkMemory();
  const services = connectServices(run.service, run.credentials, run.flags);
  const runId = randomUUID();
  const alive = setInterval(() => undefined, ALIVE_MS);
  try {
    const { clock } = services;
    const journal = await openRunJournal(run, runId, clock.now, () => clock.offsetMs);
    try {
      return await uploadWith(plan, run, runId, services, journal);
    } finally {
      await journal.close();
    }
  } finally {
    clearInterval(alive);
    services.close();
  }
}

async function uploadWith(
  plan: AsyncIterable<PlanItem>,
  run: Run,
  runId: string,
  services: Services,
  journal: OpenJournal,
): Promise<number> {
  const { flags, world } = run;
  const startedAt = new Date();
  const startedMs = performance.now();
  const opened = await openManifest(run, runId, startedAt);
  const reporters = await createReporters(flags, world, services.acknowledgedBytes);
  const { emit } = reporters;
  const { slots, stopSteering } = openSlots(flags, services);
  process.once('exit', reporters.stop);
  const ending = listenForEnding(run, slots, reporters);
  const manifest = opened && makeInterruptible(opened, ending.leave);
  emit({ type: 'run-started', runId, startedAt });
  run.listenToWarnings?.((message) => emit({ type: 'warning', message }));
  const { ports, gauges } = gauge(portsOf(run, services, journal, slots, emit));
  const recorder: Recorder = {
    async record(outcome) {
      ending.note(outcome);
      await manifest?.record(outcome);
    },
  };
  let bug: { readonly error: unknown } | undefined;
  try {
    const { stop, abort, leave } = ending;
    const failAtOnce = countsErrors(flags);
    const options = { ...fileLimits(flags), failAtOnce, stop, abort, leave };
    if (!(await uploadAll(plan, ports, recorder, options))) ending.cutShort();
  } catch (error) {
    bug = { error };
  }
  run.leavePlan?.();
  const exitCode = bug ? 1 : ending.exitCode();
  const finishedAt = new Date();
  const durationMs = Math.round(performance.now() - startedMs);
  const summary = reporters.summary();
  stopSteering();
  ending.finished();
  const tail = { finishedAt, durationMs, exitCode, summary };
  const finalCode = await finishManifest(manifest, tail, ending.interruptCode, (message) => {
    emit({ type: 'warning', message });
    // It is what the exit code speaks of, and nothing else tells it.
    if (flags.quiet) world.stderr.write(`vod-upload: ${visibleMessage(message)}\n`);
  });
  emit({ type: 'run-finished', summary, exitCode: finalCode, durationMs });
  if (summary.bytesSent > 0 && !flags.quiet) {
    const bytesMoved = services.acknowledgedBytes();
    const facts = { ...gauges, ...services.pressure(), ...slots.usage(), bytesMoved, durationMs };
    const sentence = explainRun({ ...facts, mostFiles: reporters.mostFiles() });
    world.stderr.write(`${sentence}\n`);
  }
  ending.close();
  reporters.stop();
  if (bug) throw bug.error;
  return finalCode;
}

function portsOf(
  { flags, finishes }: Run,
  { vod, cos, clock }: Services,
  journal: OpenJournal,
  slots: PartSlots,
  emit: Emit,
): Ports {
  return {
    vod,
    cos,
    journal,
    sourceOf,
    slots,
    emit,
    now: clock.now,
    localNow: () => new Date(),
    ...(flags.partSize === 'auto' ? {} : { partSize: flags.partSize }),
    dropsCovers: flags.coverFailure === 'drop',
    finishes: finishes === true,
  };
}

function fileLimits({ concurrency }: UploadFlags): FileLimits {
  return concurrency === 'auto' ? { maxFiles: roomForFiles() } : { concurrency };
}

/** The connections that carry bytes: as many as the user says, or as many as pay. */
function openSlots(
  { partConcurrency }: UploadFlags,
  services: Services,
): { readonly slots: PartSlots; stopSteering(): void } {
  const isAuto = partConcurrency === 'auto';
  const most = isAuto ? Math.min(MAX_SLOTS, roomForFiles()) : partConcurrency;
  const slots = createPartSlots(isAuto ? Math.min(FIRST_SLOTS, most) : most);
  const steering = isAuto ? steer(slots, services, most) : hold(slots);
  services.onTrouble((refused) => steering.slowDown(refused));
  return { slots, stopSteering: () => steering.stop() };
}

/**
 * Everything that may end a run before its plan does: signals, keys, what the user limits it to, and failures;
 * and the exit code that this comes to.
 */
function listenForEnding(run: Run, slots: PartSlots, { emit, tellState, screen }: Reporters) {
  const verdict = createVerdict();
  const interrupts = listenForInterrupts(run.flags, slots, emit, tellState);
  const limits = createRunLimits(run.flags, (message) => {
    verdict.stopped();
    emit({ type: 'warning', message });
  });
  const keys = listenForKeys(run.world, slots, emit, () => stops.stopJob());
  const stops = listenForStops([keys, screen]);
  const stop = AbortSignal.any([interrupts.stop, limits.stop]);
  onAbort(stop, () => run.endPlan?.());
  return {
    stop,
    /** A limit leaves time to put the whole plan on record, a signal does not. */
    leave: interrupts.leave,
    abort: interrupts.abort,
    interruptCode: interrupts.exitCode,
    exitCode: () => interrupts.exitCode() ?? verdict.exitCode(run.flags.allowEmpty),
    note(outcome: Outcome): void {
      verdict.note(outcome);
      limits.note(outcome);
      if (outcome.status === 'failed' && outcome.failure.rule.halts === 'run') run.endPlan?.();
    },
    cutShort: verdict.cutShort,
    /** The work is done: only signals still count. */
    finished() {
      limits.close();
      keys.close();
    },
    close() {
      stops.close();
      interrupts.close();
    },
  };
}
