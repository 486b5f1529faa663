import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Job, PlanItem } from '../../core/model.js';
import { visibleMessage } from '../../core/text.js';
import { createCrc64 } from '../../cos/crc64.js';
import { NOTHING_TO_DO } from '../../pipeline/verdict.js';
import { planUploads } from '../../plan/plan.js';
import { findAccount, resolveAccount, type Account } from '../credentials.js';
import { stateDirectory } from '../directories.js';
import { assertManifestPlace } from '../manifest-place.js';
import { warnOfForgotten } from '../forgotten-flags.js';
import type { UploadFlags } from '../upload-options.js';
import { planSettings, serviceSettings, shownOptions } from '../upload-settings.js';
import type { World } from '../world.js';

/** The main job: plan, then upload every job, then tell. Resolves to the exit code. */
export async function runUpload(
  inputs: readonly string[],
  flags: UploadFlags,
  world: World,
): Promise<number> {
  await assertManifestPlace(flags, world);
  const planWarnings: string[] = [];
  let listener: ((message: string) => void) | undefined;
  const warn = (message: string): void => {
    planWarnings.push(message);
    listener?.(message);
  };
  const sandbox = flags.sandbox === undefined ? undefined : await enterSandbox(flags, world);
  try {
    const { profileSettings, credentials } =
      sandbox?.account ?? (await ownAccount(flags, world, warn));
    const service = { ...serviceSettings(flags, profileSettings, world), ...sandbox?.service };
    const ending = new AbortController();
    const stateDir = stateDirectory(flags, world, sandbox?.dir);
    const settings = {
      ...planSettings(inputs, flags, profileSettings, service, world, warn),
      ownDirectories: sandbox === undefined ? [stateDir] : [stateDir, sandbox.dir],
      ...(flags.checksum ? { content: { createChecksum: createCrc64, stop: ending.signal } } : {}),
    };
    const planning = new AbortController();
    const options = shownOptions(settings, flags, service);
    const onRunOptions = (earlier: object): void =>
      warnOfForgotten({ ...earlier }, options, flags, warn);
    const plan = await planUploads({ ...settings, onRunOptions }, planning.signal);
    if (flags.dryRun) return await print(plan, stateDir, planWarnings, flags, world);
    if (credentials === undefined) throw new Error('no credentials');
    const { runUploads } = await import('../run-uploads.js');
    const exitCode = await runUploads(plan, {
      flags,
      world,
      service,
      credentials,
      options,
      stateDir,
      endPlan: () => ending.abort(),
      leavePlan: () => planning.abort(),
      listenToWarnings(tell) {
        planWarnings.forEach(tell);
        listener = tell;
      },
    });
    if (flags.quiet && exitCode === NOTHING_TO_DO) tellWhy(planWarnings, world);
    return exitCode;
  } finally {
    await sandbox?.close();
  }
}

/** `--dry-run`: the plan, and what is known of it. */
async function print(
  plan: AsyncIterable<PlanItem>,
  stateDir: string,
  warnings: readonly string[],
  flags: UploadFlags,
  world: World,
): Promise<number> {
  const { openJournalView } = await import('../../journal/open-journal.js');
  const { printPlan } = await import('../print-plan.js');
  const { resume, force } = flags;
  const journal = await openJournalView({
    dir: stateDir,
    pid: process.pid,
    host: hostname(),
    now: () => new Date(),
    resume,
    force,
  });
  try {
    const foresee = async (job: Job) => (await journal?.foresee(job)) ?? { kind: 'new' as const };
    return await printPlan(plan, foresee, flags, world, () => warnings);
  } finally {
    await journal?.close();
  }
}

/** Under -q nothing else tells of a glob that matches nothing. */
function tellWhy(warnings: readonly string[], { stderr }: World): void {
  for (const warning of warnings) stderr.write(`warning: ${visibleMessage(warning)}\n`);
  stderr.write('vod-upload: nothing to upload: the same command with --dry-run prints the plan\n');
}

/** The user's account; throws UsageError where it has no keys, which a plan that is printed does not need. */
function ownAccount(
  flags: UploadFlags,
  world: World,
  warn: (message: string) => void,
): Promise<Account> {
  const query = { profile: flags.profile, env: world.env, home: world.home, warn };
  return flags.dryRun ? findAccount(query) : resolveAccount(query);
}

/** Starts the local server in this process, unless nothing will be sent. */
async function enterSandbox(flags: UploadFlags, world: World) {
  const dir = resolve(world.cwd, typeof flags.sandbox === 'string' ? flags.sandbox : 'vod-sandbox');
  if (flags.dryRun) {
    const account: Account = { profileSettings: {} };
    return { dir, account, service: { scope: dir }, close: async () => undefined };
  }
  const { openSandbox } = await import('../open-sandbox.js');
  const server = await openSandbox({ dir });
  const endpoint = new URL(server.origin);
  const { secretId, secretKey } = server;
  const account: Account = {
    profileSettings: {},
    credentials: {
      secretId,
      secretKey,
      source: 'the sandbox',
      current: async () => ({ secretId, secretKey }),
    },
  };
  return {
    dir,
    account,
    service: { scope: dir, vodEndpoint: endpoint, cosEndpoint: endpoint },
    close: () => server.close(),
  };
}
