import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../../core/errors.js';
import { DEFAULT_PART_SIZE } from '../../core/parts.js';
import { visible } from '../../core/text.js';
import type { Outcome, PlanItem } from '../../core/model.js';
import type { Recorder } from '../../core/ports.js';
import { openJournal } from '../../journal/journal.js';
import { createManifest, ManifestError, type Manifest } from '../../manifest/manifest.js';
import { assertManifestWritable } from '../../manifest/target.js';
import { createPartSlots } from '../../pipeline/part-slots.js';
import { uploadAll } from '../../pipeline/upload-all.js';
import { createVerdict } from '../../pipeline/verdict.js';
import { openSource } from '../../plan/open-source.js';
import { planUploads } from '../../plan/plan.js';
import { advance, emptyTally, summarise } from '../../report/tally.js';
import { resolveCredentials, type ResolvedCredentials } from '../credentials.js';
import { listenForInterrupts } from '../interrupts.js';
import { configDirectory } from '../profiles.js';
import { createReporters } from '../reporters.js';
import { connectServices } from '../services.js';
import type { UploadFlags } from '../upload-options.js';
import {
  planSettings,
  serviceSettings,
  shownOptions,
  stateDirectory,
  type ServiceSettings,
} from '../upload-settings.js';
import { packageVersion } from '../version.js';
import type { World } from '../world.js';

/** After a signal, so long may the rest of the plan be read to put it on record. */
const DRAIN_MS = 500;

/** The main job: plan, then upload every job, then tell. Resolves to the exit code. */
export async function runUpload(
  inputs: readonly string[],
  flags: UploadFlags,
  world: World,
): Promise<number> {
  assertSensible(inputs, flags, world);
  if (flags.manifest !== false) await assertManifestWritable(resolve(world.cwd, flags.manifest));
  const sandbox = flags.sandbox === undefined ? undefined : await enterSandbox(flags, world);
  try {
    const credentials = sandbox?.credentials ?? (await ownCredentials(flags, world));
    const profile = credentials?.profileSettings ?? {};
    const service = sandbox
      ? { ...serviceSettings(flags, profile, world), ...sandbox.endpoints }
      : serviceSettings(flags, profile, world);
    const planWarnings: string[] = [];
    let warn = (message: string): void => void planWarnings.push(message);
    const settings = planSettings(inputs, flags, profile, world, (message) => warn(message));
    const planning = new AbortController();
    const plan = await planUploads(settings, planning.signal);
    if (flags.dryRun) {
      const { printPlan } = await import('../print-plan.js');
      return await printPlan(plan, flags, world, () => planWarnings);
    }
    if (credentials === undefined) throw new Error('no credentials');
    return await upload(plan, {
      flags,
      world,
      service,
      credentials,
      options: shownOptions(settings, flags, service),
      stateDir: stateDirectory(flags, world, sandbox?.dir),
      listenToWarnings(listener) {
        planWarnings.forEach(listener);
        warn = listener;
      },
    });
  } finally {
    await sandbox?.close();
  }
}

/** A plan that is printed needs no credentials. */
async function ownCredentials(
  flags: UploadFlags,
  world: World,
): Promise<ResolvedCredentials | undefined> {
  const wanted = resolveCredentials({
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    env: world.env,
    home: world.home,
    configDir: configDirectory(world.env, world.home),
  });
  if (!flags.dryRun || flags.profile !== undefined) return wanted;
  return wanted.catch(() => undefined);
}

interface Run {
  readonly flags: UploadFlags;
  readonly world: World;
  readonly service: ServiceSettings;
  readonly credentials: ResolvedCredentials;
  readonly options: Record<string, unknown>;
  readonly stateDir: string;
  listenToWarnings(listener: (message: string) => void): void;
}

async function upload(plan: AsyncIterable<PlanItem>, run: Run): Promise<number> {
  const { flags, world } = run;
  const startedAt = new Date();
  const runId = randomUUID();
  const services = connectServices(run.service, run.credentials, flags, world);
  const journal = await openJournal({
    dir: run.stateDir,
    runId,
    pid: process.pid,
    host: hostname(),
    now: services.clock.now,
    resume: flags.resume,
    force: flags.force,
    accountKey: () => run.credentials,
  });
  const manifest = await openManifest(run, runId, startedAt);
  const reporters = await createReporters(flags, world);
  let tally = emptyTally();
  const emit: typeof reporters.emit = (event) => {
    tally = advance(tally, event, Date.now());
    reporters.emit(event);
  };
  const slots = createPartSlots(flags.partConcurrency);
  const interrupts = listenForInterrupts(slots, emit);
  const verdict = createVerdict();
  const recorder: Recorder = {
    async record(outcome: Outcome) {
      verdict.note(outcome);
      await manifest?.record(outcome);
    },
  };
  emit({ type: 'run-started', runId, startedAt });
  run.listenToWarnings((message) => emit({ type: 'warning', message }));
  let bug: { readonly error: unknown } | undefined;
  await uploadAll(
    plan,
    {
      vod: services.vod,
      cos: services.cos,
      journal,
      openFile: openSource,
      slots,
      emit,
      now: services.clock.now,
      partSize: flags.partSize ?? DEFAULT_PART_SIZE,
    },
    recorder,
    {
      concurrency: flags.concurrency,
      stop: interrupts.stop,
      abort: interrupts.abort,
      drainMs: DRAIN_MS,
    },
  ).catch((error: unknown) => (bug = { error }));
  let exitCode = bug ? 1 : (interrupts.exitCode() ?? verdict.exitCode(flags.allowEmpty));
  const finishedAt = new Date();
  const durationMs = +finishedAt - +startedAt;
  const summary = summarise(tally);
  try {
    await manifest?.finish({ finishedAt, durationMs, exitCode, summary });
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    emit({ type: 'warning', message: `${error.message}. ${error.hint}` });
    exitCode = exitCode === 0 ? 1 : exitCode;
  }
  emit({ type: 'run-finished', summary, exitCode, durationMs });
  interrupts.close();
  reporters.stop();
  services.close();
  await journal.close();
  if (bug) throw bug.error;
  return exitCode;
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

/** Catches what a slip of the hand produces, before anything is done. */
function assertSensible(inputs: readonly string[], flags: UploadFlags, world: World): void {
  const hasInputs =
    inputs.length > 0 || flags.filesFrom !== undefined || flags.filesFrom0 !== undefined;
  const { sandbox } = flags;
  if (typeof sandbox === 'string') {
    const path = resolve(world.cwd, sandbox);
    const isFile = existsSync(path) && !statSync(path).isDirectory();
    if (isFile || !hasInputs) {
      throw new UsageError([
        {
          message: isFile
            ? `--sandbox took ${visible(sandbox)}, which is a file, as its directory`
            : `nothing to upload: --sandbox took ${visible(sandbox)} as its directory`,
          hint: 'Write --sandbox=<dir>, or put --sandbox after the inputs.',
        },
      ]);
    }
  }
  if (!hasInputs) {
    throw new UsageError([
      {
        message: 'nothing to upload: no file, directory or glob was named',
        hint: 'Name some, as in vod-upload ./videos/*.mp4, or see vod-upload --help.',
      },
    ]);
  }
}

/** Starts the local server in this process, unless nothing will be sent. */
async function enterSandbox(flags: UploadFlags, world: World) {
  const dir = resolve(world.cwd, typeof flags.sandbox === 'string' ? flags.sandbox : 'vod-sandbox');
  if (flags.dryRun) {
    return { dir, credentials: undefined, endpoints: {}, close: async () => undefined };
  }
  const { startSandbox } = await import('../../sandbox/sandbox.js');
  const server = await startSandbox({ dir });
  const endpoint = new URL(server.origin);
  const { secretId, secretKey } = server;
  const credentials: ResolvedCredentials = {
    secretId,
    secretKey,
    source: 'the sandbox',
    profileSettings: {},
    current: async () => ({ secretId, secretKey }),
  };
  return {
    dir,
    credentials,
    endpoints: { vodEndpoint: endpoint, cosEndpoint: endpoint },
    close: () => server.close(),
  };
}
