import { randomUUID } from 'node:crypto';
import type { JobId } from '../../core/ids.js';
import type { Checkpoint, PlanItem } from '../../core/model.js';
import type { Cos } from '../../core/ports.js';
import { formatSize } from '../../core/size.js';
import { visible } from '../../core/text.js';
import type { OpenJournal, UnfinishedJob } from '../../journal/journal.js';
import { connectServices } from '../services.js';
import { openRunJournal, runUploads, type Run } from '../run-uploads.js';
import type { UploadFlags } from '../upload-options.js';
import { serviceSettings, stateDirectory } from '../upload-settings.js';
import type { World } from '../world.js';
import { ownCredentials } from './upload.js';

/** `jobs list`: a line an unfinished job. */
export async function listJobs(flags: UploadFlags, world: World): Promise<number> {
  await withJournal(flags, world, async (journal) => {
    for await (const unfinished of journal.list()) {
      world.stdout.write(
        `${flags.json ? JSON.stringify(describe(unfinished)) : sentence(unfinished)}\n`,
      );
    }
  });
  return 0;
}

/** `jobs resume`: finishes what can be finished; resolves to the exit code of that run. */
export async function resumeJobs(flags: UploadFlags, world: World): Promise<number> {
  const run = await runOf(flags, world);
  const items: PlanItem[] = [];
  await withJournal(flags, world, async (journal) => {
    for await (const { job, resumable } of journal.list()) {
      if (resumable) items.push({ kind: 'job', job });
    }
  });
  async function* plan(): AsyncGenerator<PlanItem> {
    yield* items;
  }
  return runUploads(plan(), run);
}

/** `jobs abort`: aborts the multipart uploads of unfinished jobs and forgets the jobs. */
export async function abortJobs(flags: UploadFlags, world: World): Promise<number> {
  const run = await runOf(flags, world);
  const services = connectServices(run.service, run.credentials, flags, world);
  let left = 0;
  try {
    await withJournal(flags, world, async (journal) => {
      const ids: JobId[] = [];
      for await (const { job } of journal.list()) ids.push(job.id);
      for (const id of ids) {
        const claim = await journal.claimUnfinished(id);
        if (claim?.kind !== 'ours') {
          left += 1;
          continue;
        }
        const checkpoint = claim.checkpoint ?? claim.superseded?.checkpoint;
        if (checkpoint !== undefined) await abortUploads(checkpoint, services.cos, world);
        await journal.forget(id);
        await journal.release(id);
        world.stdout.write(`${id}\n`);
      }
    });
  } finally {
    services.close();
  }
  if (left > 0) world.stderr.write(`${left} jobs are held by another run or cannot be claimed\n`);
  return left > 0 ? 7 : 0;
}

/** Also asks for uploads whose Initiate was never answered. */
async function abortUploads(
  { session, objects }: Checkpoint,
  cos: Cos,
  { stderr }: World,
): Promise<void> {
  const { bucket, region, credentials } = session;
  const { signal } = new AbortController();
  for (const { key, uploadId, stored } of objects) {
    if (stored) continue;
    const isGone = await cos.abort({ bucket, region, key, credentials }, uploadId, signal);
    if (isGone) continue;
    stderr.write(`could not abort the upload of ${visible(key)}: its certificate is over\n`);
  }
}

/** `jobs gc`: drops what has expired. */
export async function collectJobs(flags: UploadFlags, world: World): Promise<number> {
  await withJournal(flags, world, async (journal) => {
    world.stdout.write(`${JSON.stringify(await journal.gc())}\n`);
  });
  return 0;
}

async function withJournal(
  flags: UploadFlags,
  world: World,
  work: (journal: OpenJournal) => Promise<void>,
): Promise<void> {
  const stateDir = stateDirectory(flags, world);
  const journal = await openRunJournal({ flags, stateDir }, randomUUID(), () => new Date());
  try {
    await work(journal);
  } finally {
    await journal.close();
  }
}

async function runOf(flags: UploadFlags, world: World): Promise<Run> {
  const credentials = await ownCredentials(flags, world);
  const service = serviceSettings(flags, credentials.profileSettings, world);
  return {
    flags,
    world,
    service,
    credentials,
    options: {},
    stateDir: stateDirectory(flags, world),
  };
}

function sentence({ job, phase, resumable, holder }: UnfinishedJob): string {
  const state = holder ? `held by process ${holder.pid}` : resumable ? 'resumable' : 'expired';
  return `${job.id}\t${phase}\t${state}\t${formatSize(job.media.size)}\t${visible(job.media.path)}`;
}

function describe({ job, phase, resumable, holder, updatedAt, session }: UnfinishedJob): object {
  return {
    schema: 1,
    id: job.id,
    path: job.media.path,
    size: job.media.size,
    phase,
    resumable,
    holder: holder ?? null,
    updatedAt,
    expiresAt: session.expiresAt,
  };
}
