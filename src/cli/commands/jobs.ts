import { randomUUID } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { UploadFailure, usageError } from '../../core/errors.js';
import type { Job, PlanItem } from '../../core/model.js';
import { filesOf, formatSize, wholeSize } from '../../core/size.js';
import { visible, visibleMessage } from '../../core/text.js';
import type { OpenJournal, UnfinishedJob } from '../../journal/journal.js';
import { assertUnchanged } from '../../plan/source.js';
import { formatLine } from '../../report/json.js';
import { resolveAccount } from '../credentials.js';
import { stateDirectory } from '../directories.js';
import { assertManifestPlace } from '../manifest-place.js';
import { openRunJournal, runUploads, type Run } from '../run-uploads.js';
import type { UploadFlags } from '../upload-options.js';
import { DEFAULT_VOD_HOST, serviceSettings, shownOptions } from '../upload-settings.js';
import type { World } from '../world.js';
import { giveUpAll } from './give-up-jobs.js';

/** The exit code where some jobs are damaged, and nothing else is wrong. */
const DAMAGED = 3;

/** `jobs list`: a line an unfinished job. */
export async function listJobs(flags: UploadFlags, world: World): Promise<number> {
  await withJournal(flags, world, async (journal) => {
    for await (const unfinished of journal.list()) {
      world.stdout.write(
        flags.json ? formatLine(describe(unfinished)) : `${sentence(unfinished)}\n`,
      );
    }
  });
  return 0;
}

/**
 * `jobs resume`: finishes what this service can finish; resolves to the exit code of that run. Where
 * that is nothing, the manifest of the run before stays.
 */
export async function resumeJobs(flags: UploadFlags, world: World): Promise<number> {
  if (!flags.resume) {
    throw usageError(
      'jobs resume --no-resume would begin anew what is to be finished',
      'Leave --no-resume out, or upload the files with it.',
    );
  }
  await assertManifestPlace(flags, world);
  const run = await runOf(flags, world);
  const items: PlanItem[] = [];
  const services = tellServicesApart(run, 'resume');
  let isDamaged = false;
  await withJournal(flags, world, async (journal) => {
    isDamaged = await eachUnfinished(journal, world, ({ job, resumable }) => {
      if (resumable && services.isOwn(job)) items.push({ status: 'planned', job });
    });
  });
  services.tellOthers();
  async function* plan(): AsyncGenerator<PlanItem> {
    yield* items;
  }
  if (items.length > 0) {
    return (await runUploads(plan(), { ...run, finishes: true })) || (isDamaged ? DAMAGED : 0);
  }
  if (isDamaged) return DAMAGED;
  if (!flags.quiet) {
    world.stderr.write('nothing to resume: vod-upload jobs list shows what is unfinished\n');
  }
  return runUploads(plan(), { ...run, flags: { ...flags, manifest: false } });
}

/** Jobs of another service than this run's stay: only that one knows of their uploads. */
function tellServicesApart({ service, flags, world }: Run, action: 'resume' | 'abort' | 'gc') {
  const others = new Map<string, number>();
  return {
    isOwn({ scope = DEFAULT_VOD_HOST }: Job): boolean {
      if (scope === service.scope) return true;
      others.set(scope, (others.get(scope) ?? 0) + 1);
      return false;
    },
    tellOthers(): void {
      if (flags.quiet) return;
      for (const [scope, count] of others) {
        const stay = count === 1 ? 'job stays, which is' : 'jobs stay, which are';
        const remedy = isAbsolute(scope)
          ? `run its upload again with --sandbox=${scope}`
          : `run vod-upload jobs ${action} --vod-host ${scope}`;
        world.stderr.write(
          `${count} unfinished ${stay} of another service: ${visibleMessage(remedy)}\n`,
        );
      }
    },
  };
}

/**
 * `jobs abort`: aborts the multipart uploads of unfinished jobs and forgets the jobs, but none that may
 * be committed: the next run would make a second media.
 */
export async function abortJobs(flags: UploadFlags, world: World): Promise<number> {
  const run = await runOf(flags, world);
  const services = tellServicesApart(run, 'abort');
  const counts = { kept: 0, held: 0, committing: 0 };
  let isDamaged = false;
  const work = async (journal: OpenJournal): Promise<void> => {
    const jobs: Job[] = [];
    isDamaged = await eachUnfinished(journal, world, ({ job, phase, holder }) => {
      if (!services.isOwn(job)) return;
      if (phase !== 'committing') jobs.push(job);
      else counts[holder ? 'held' : 'committing'] += 1;
    });
    for await (const { job, end } of giveUpAll(jobs, journal, run)) {
      if (end === 'given-up') {
        const { id } = job;
        world.stdout.write(flags.json ? formatLine({ schema: 1, id }) : `${id}\n`);
      } else if (end !== 'ended') counts[end] += 1;
    }
  };
  await withJournal(flags, world, work);
  services.tellOthers();
  const { kept, held, committing } = counts;
  if (held > 0) {
    world.stderr.write(
      `${held} unfinished ${held === 1 ? 'job stays: another run has it' : 'jobs stay: other runs have them'}\n`,
    );
  }
  if (committing > 0) {
    world.stderr.write(
      `${committing} unfinished ${committing === 1 ? 'job stays' : 'jobs stay'}, since the media may exist: vod-upload jobs resume ends ${committing === 1 ? 'it' : 'them'}\n`,
    );
  }
  return committing > 0 ? 9 : kept > 0 ? 8 : held > 0 ? 7 : isDamaged ? DAMAGED : 0;
}

/** Hands over all jobs that can be read; resolves to whether some cannot, which is told. */
async function eachUnfinished(
  journal: OpenJournal,
  { stderr }: World,
  take: (unfinished: UnfinishedJob) => void,
): Promise<boolean> {
  try {
    for await (const unfinished of journal.list()) take(unfinished);
    return false;
  } catch (error) {
    if (!(error instanceof UploadFailure) || error.code !== 'journal-unreadable') throw error;
    stderr.write(`vod-upload: ${visibleMessage(error.message)}\n  ${visibleMessage(error.hint)}\n`);
    return true;
  }
}

/**
 * `jobs gc`: drops what has expired, which needs no credentials, then aborts what nothing can finish any
 * more, since its file is another one now.
 */
export async function collectJobs(flags: UploadFlags, world: World): Promise<number> {
  const changed: Job[] = [];
  const swept = await withJournal(flags, world, async (journal) => {
    for await (const { job, phase, resumable, holder } of journal.list('left')) {
      // What may be committed already is never given up.
      if (phase === 'committing' || !resumable || holder) continue;
      if (await hasChanged(job)) changed.push(job);
    }
    return journal.gc();
  });
  const counts = { abandoned: 0, kept: 0 };
  try {
    if (changed.length > 0) await giveUpChanged(changed, counts, flags, world);
  } finally {
    world.stdout.write(formatLine({ ...swept, abandoned: counts.abandoned }));
  }
  return counts.kept > 0 ? 8 : 0;
}

async function giveUpChanged(
  changed: readonly Job[],
  counts: { abandoned: number; kept: number },
  flags: UploadFlags,
  world: World,
): Promise<void> {
  const run = await runOf(flags, world);
  const services = tellServicesApart(run, 'gc');
  const own = changed.filter(services.isOwn);
  services.tellOthers();
  const work = async (journal: OpenJournal): Promise<void> => {
    for await (const { job, end } of giveUpAll(own, journal, run)) {
      if (end === 'kept') counts.kept += 1;
      if (end !== 'given-up') continue;
      counts.abandoned += 1;
      if (flags.quiet) continue;
      world.stderr.write(
        `${visible(job.media.path)}: its unfinished upload is given up, since what it uploads has changed\n`,
      );
    }
  };
  await withJournal(flags, world, work);
}

/** A file that is missing may be on a disk that is away for now: it has not changed. */
async function hasChanged(job: Job): Promise<boolean> {
  try {
    for (const file of filesOf(job)) await assertUnchanged(file);
    return false;
  } catch (error) {
    if (!(error instanceof UploadFailure)) throw error;
    return error.code === 'source-changed';
  }
}

async function withJournal<T>(
  flags: UploadFlags,
  world: World,
  work: (journal: OpenJournal) => Promise<T>,
): Promise<T> {
  const run = { flags, stateDir: stateDirectory(flags, world) };
  const journal = await openRunJournal(run, randomUUID(), () => new Date());
  try {
    return await work(journal);
  } finally {
    await journal.close();
  }
}

async function runOf(flags: UploadFlags, world: World): Promise<Run> {
  const warn = (message: string): void => {
    if (!flags.quiet) world.stderr.write(`warning: ${visibleMessage(message)}\n`);
  };
  const query = { profile: flags.profile, env: world.env, home: world.home, warn };
  const { profileSettings, credentials } = await resolveAccount(query);
  const service = serviceSettings(flags, profileSettings, world);
  return {
    flags,
    world,
    service,
    credentials,
    options: shownOptions({}, flags, service),
    stateDir: stateDirectory(flags, world),
  };
}

function sentence({ job, phase, resumable, holder }: UnfinishedJob): string {
  const state = holder ? `held by process ${holder.pid}` : resumable ? 'resumable' : 'expired';
  return `${job.id}\t${phase}\t${state}\t${formatSize(wholeSize(job))}\t${visible(job.media.path)}`;
}

function describe({ job, phase, resumable, holder, updatedAt, session }: UnfinishedJob): object {
  return {
    schema: 1,
    id: job.id,
    path: job.media.path,
    size: wholeSize(job),
    phase,
    resumable,
    holder: holder ?? null,
    updatedAt,
    expiresAt: session.expiresAt,
  };
}
