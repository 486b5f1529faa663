import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { PlanItem, Summary } from '../core/model.js';
import { DEFAULT_PART_SIZE } from '../core/parts.js';
import { openJournal, type OpenJournal } from '../journal/journal.js';
import { createManifest, ManifestError, type Manifest } from '../manifest/manifest.js';
import { createPartSlots } from '../pipeline/part-slots.js';
import { steer } from '../pipeline/steer.js';
import { uploadAll } from '../pipeline/upload-all.js';
import { createVerdict } from '../pipeline/verdict.js';
import { assertUnchanged, openSource } from '../plan/open-source.js';
import type { ResolvedCredentials } from './credentials.js';
import { listenForInterrupts } from './interrupts.js';
import { listenForKeys } from './keys.js';
import { createReporters } from './reporters.js';
import { explainRun } from './explain-run.js';
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
  /** Tells the plan that nothing more will be sent. */
  endPlan?(): void;
  /** Hands over the plan's warnings, those from before and those to come. */
  listenToWarnings?(listener: (message: string) => void): void;
}

/** After a signal, so long may the rest of the plan be read to put it on record. */
const DRAIN_MS = 500;
/** Connections that an automatic run begins with. */
const FIRST_SLOTS = 8;

/** Opens the journal of this run; throws `journal-unwritable`. */
export function openRunJournal(
  run: Pick<Run, 'flags' | 'stateDir'> & Partial<Pick<Run, 'credentials' | 'service'>>,
  runId: string,
  now: () => Date,
): Promise<OpenJournal> {
  return openJournal({
    dir: run.stateDir,
    runId,
    pid: process.pid,
    host: hostname(),
    now,
    resume: run.flags.resume,
    force: run.flags.force,
    scope: run.service?.vodHost ?? '',
    accountKey: () => run.credentials,
  });
}

/** Uploads every job of the plan; resolves to the exit code. */
export async function runUploads(plan: AsyncIterable<PlanItem>, run: Run): Promise<number> {
  const services = connectServices(run.service, run.credentials, run.flags, run.world);
  const runId = randomUUID();
  try {
    const journal = await openRunJournal(run, runId, services.clock.now);
    try {
      return await uploadWith(plan, run, runId, services, journal);
    } finally {
      await journal.close();
    }
  } finally {
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
  const manifest = await openManifest(run, runId, startedAt);
  const reporters = await createReporters(flags, world);
  const { emit } = reporters;
  const slots = createPartSlots(
    flags.partConcurrency === 'auto' ? FIRST_SLOTS : flags.partConcurrency,
  );
  const steering =
    flags.partConcurrency === 'auto' ? steer(slots, services.acknowledgedBytes) : undefined;
  services.onTrouble(() => steering?.slowDown());
  process.once('exit', reporters.stop);
  const interrupts = listenForInterrupts(slots, emit, () => reporters.tellState());
  interrupts.stop.addEventListener('abort', () => run.endPlan?.(), { once: true });
  const keys = listenForKeys(world, slots, emit);
  const verdict = createVerdict();
  emit({ type: 'run-started', runId, startedAt });
  run.listenToWarnings?.((message) => emit({ type: 'warning', message }));
  let bug: { readonly error: unknown } | undefined;
  await uploadAll(
    plan,
    {
      vod: services.vod,
      cos: services.cos,
      journal,
      openFile: openSource,
      assertUnchanged,
      slots,
      emit,
      now: services.clock.now,
      partSize: flags.partSize ?? DEFAULT_PART_SIZE,
    },
    {
      async record(outcome) {
        verdict.note(outcome);
        if (outcome.status === 'failed' && outcome.failure.rule.halts === 'run') run.endPlan?.();
        await manifest?.record(outcome);
      },
    },
    {
      ...(flags.concurrency === 'auto' ? {} : { concurrency: flags.concurrency }),
      slots,
      stop: interrupts.stop,
      abort: interrupts.abort,
      drainMs: DRAIN_MS,
    },
  ).catch((error: unknown) => (bug = { error }));
  const exitCode = bug ? 1 : (interrupts.exitCode() ?? verdict.exitCode(flags.allowEmpty));
  const finishedAt = new Date();
  const durationMs = +finishedAt - +startedAt;
  const summary = reporters.summary();
  steering?.stop();
  keys.close();
  if (summary.bytesSent > 0) {
    emit({ type: 'note', message: explainRun(slots, services, durationMs, summary) });
  }
  const finalCode = await finishManifest(
    manifest,
    { finishedAt, durationMs, exitCode, summary },
    (message) => emit({ type: 'warning', message }),
  );
  emit({ type: 'run-finished', summary, exitCode: finalCode, durationMs });
  interrupts.close();
  reporters.stop();
  if (bug) throw bug.error;
  return finalCode;
}

/** A manifest that cannot be put in place is the run's failure, if there is no other. */
async function finishManifest(
  manifest: Manifest | undefined,
  tail: { finishedAt: Date; durationMs: number; exitCode: number; summary: Summary },
  warn: (message: string) => void,
): Promise<number> {
  try {
    await manifest?.finish(tail);
    return tail.exitCode;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    warn(`${error.message}. ${error.hint}`);
    return tail.exitCode === 0 ? 1 : tail.exitCode;
  }
}

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
