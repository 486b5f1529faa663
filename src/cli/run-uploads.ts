import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { usageError } from '../core/errors.js';
import type { PlanItem, Summary } from '../core/model.js';
import { visible } from '../core/text.js';
import { chunkMemory } from '../cos/chunk-memory.js';
import type { OpenJournal } from '../journal/journal.js';
import { openJournal } from '../journal/open-journal.js';
import { createManifest, ManifestError, type Manifest } from '../manifest/manifest.js';
import { createPartSlots, type PartSlots } from '../pipeline/part-slots.js';
import { MAX_SLOTS } from '../pipeline/slot-state.js';
import { hold, steer } from '../pipeline/steer.js';
import { uploadAll } from '../pipeline/upload-all.js';
import { createVerdict, type Verdict } from '../pipeline/verdict.js';
import { sourceOf } from '../plan/source.js';
import type { ResolvedCredentials } from './credentials.js';
import { makeInterruptible } from './interruptible-manifest.js';
import { listenForInterrupts } from './interrupts.js';
import { listenForStops } from './job-control.js';
import { listenForKeys } from './keys.js';
import { roomForFiles } from './open-file-limit.js';
import { createReporters, type Reporters } from './reporters.js';
import { explainRun } from './explain-run.js';
import { gauge } from './gauges.js';
import { countsErrors, createRunLimits } from './run-limits.js';
import { connectServices, type Services } from './services.js';
import type { UploadFlags } from './upload-options.js';
import type { ServiceSettings } from './upload-settings.js';
import { packageVersion } from './version.js';
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

/** The same command, run again once there is room, writes the manifest that is missing. */
const RETRYABLE = 8;

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
  const verdict = createVerdict();
  const ending = listenForEnding(run, slots, reporters, verdict);
  const manifest = opened && makeInterruptible(opened, ending.leave);
  emit({ type: 'run-started', runId, startedAt });
  run.listenToWarnings?.((message) => emit({ type: 'warning', message }));
  const { ports, gauges } = gauge({
    vod: services.vod,
    cos: services.cos,
    journal,
    sourceOf,
    slots,
    emit,
    now: services.clock.now,
    localNow: () => new Date(),
    ...(flags.partSize === 'auto' ? {} : { partSize: flags.partSize }),
    dropsCovers: flags.coverFailure === 'drop',
    finishes: run.finishes === true,
  });
  let bug: { readonly error: unknown } | undefined;
  await uploadAll(
    plan,
    ports,
    {
      async record(outcome) {
        verdict.note(outcome);
        ending.note(outcome);
        if (outcome.status === 'failed' && outcome.failure.rule.halts === 'run') run.endPlan?.();
        await manifest?.record(outcome);
      },
    },
    {
      ...(flags.concurrency === 'auto'
        ? { maxFiles: roomForFiles() }
        : { concurrency: flags.concurrency }),
      ...(countsErrors(flags) ? { failAtOnce: true } : {}),
      stop: ending.stop,
      abort: ending.abort,
      leave: ending.leave,
    },
  ).then(
    (isWhole) => {
      if (!isWhole) verdict.cutShort();
    },
    (error: unknown) => (bug = { error }),
  );
  run.leavePlan?.();
  const exitCode = bug ? 1 : (ending.exitCode() ?? verdict.exitCode(flags.allowEmpty));
  const finishedAt = new Date();
  const durationMs = Math.round(performance.now() - startedMs);
  const summary = reporters.summary();
  stopSteering();
  ending.finished();
  const finalCode = await finishManifest(
    manifest,
    { finishedAt, durationMs, exitCode, summary },
    ending.exitCode,
    (message) => {
      emit({ type: 'warning', message });
      // It is what the exit code speaks of, and nothing else tells it.
      if (flags.quiet) world.stderr.write(`vod-upload: ${visible(message)}\n`);
    },
  );
  emit({ type: 'run-finished', summary, exitCode: finalCode, durationMs });
  if (summary.bytesSent > 0 && !flags.quiet) {
    const sentence = explainRun({
      ...gauges,
      ...services.pressure(),
      bytesMoved: services.acknowledgedBytes(),
      durationMs,
      ...slots.usage(),
      mostFiles: reporters.mostFiles(),
      busy: performance.eventLoopUtilization().utilization,
    });
    world.stderr.write(`${sentence}\n`);
  }
  ending.close();
  reporters.stop();
  if (bug) throw bug.error;
  return finalCode;
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

/** Everything that may end a run before its plan does: signals, keys, and what the user limits it to. */
function listenForEnding(
  run: Run,
  slots: PartSlots,
  { emit, tellState, screen }: Reporters,
  verdict: Verdict,
) {
  const interrupts = listenForInterrupts(run.flags, slots, emit, tellState);
  const limits = createRunLimits(run.flags, (message) => {
    verdict.stopped();
    emit({ type: 'warning', message });
  });
  const keys = listenForKeys(run.world, slots, emit, () => stops.stopJob());
  const stops = listenForStops([keys, screen]);
  const stop = AbortSignal.any([interrupts.stop, limits.stop]);
  stop.addEventListener('abort', () => run.endPlan?.(), { once: true });
  return {
    stop,
    /** A limit leaves time to put the whole plan on record, a signal does not. */
    leave: interrupts.leave,
    abort: interrupts.abort,
    exitCode: interrupts.exitCode,
    note: limits.note,
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

/**
 * A manifest that cannot be put in place is the run's failure, if there is no other, unless a signal
 * ended the wait for it. Resolves to the exit code.
 */
async function finishManifest(
  manifest: Manifest | undefined,
  tail: { finishedAt: Date; durationMs: number; exitCode: number; summary: Summary },
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

/** Throws UsageError where it cannot be begun: nothing was sent yet. */
async function openManifest(
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
