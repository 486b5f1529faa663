import { UploadFailure } from '../core/errors.js';
import type { Checkpoint, Job, PlanItem } from '../core/model.js';
import { partSizeFor } from '../core/parts.js';
import { filesOf, formatSize, wholeSize } from '../core/size.js';
import { visible, visibleMessage, visiblePath } from '../core/text.js';
import type { JournalView } from '../journal/journal-view.js';
import { begunJob, isCoverDropped } from '../pipeline/dropped-cover.js';
import { createVerdict } from '../pipeline/verdict.js';
import { formatEvent } from '../report/json.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/** What a plan would cost. */
interface PlanTotals {
  jobs: number;
  /** Of the jobs, those whose unfinished upload is gone on with: the bucket alone knows what it lacks. */
  resumed: number;
  skipped: number;
  /** Of those skipped, what was uploaded before. */
  known: number;
  failed: number;
  bytes: number;
  apiCalls: number;
  cosRequests: number;
}

/** An input as a run would find it. */
interface Foreseen {
  readonly item: PlanItem;
  /** Where the unfinished upload stands that is gone on with. */
  readonly phase?: Checkpoint['phase'];
}

/**
 * `--dry-run`: tells what would be done and why, one line an input; resolves to the exit code of a run in
 * which all that is to be uploaded is.
 */
export async function printPlan(
  plan: AsyncIterable<PlanItem>,
  foresee: JournalView['foresee'],
  flags: UploadFlags,
  world: World,
  warnings: () => readonly string[],
): Promise<number> {
  const totals: PlanTotals = {
    jobs: 0,
    resumed: 0,
    skipped: 0,
    known: 0,
    failed: 0,
    bytes: 0,
    apiCalls: 0,
    cosRequests: 0,
  };
  const verdict = createVerdict();
  for await (const planned of plan) {
    const foreseen = await withJournal(planned, foresee, flags);
    const { item } = foreseen;
    count(foreseen, flags, totals);
    // A job that nothing has become of yet counts as one that did not fail.
    verdict.note(
      item.status === 'planned'
        ? { status: 'interrupted', path: item.job.media.path, job: item.job }
        : item,
    );
    await print(
      world,
      flags.json
        ? formatEvent('job-planned', new Date(), describe(foreseen, flags))
        : `${sentence(foreseen, flags)}\n`,
    );
  }
  for (const warning of flags.quiet ? [] : warnings()) {
    world.stderr.write(`warning: ${visibleMessage(warning)}\n`);
  }
  const { jobs, resumed, skipped, failed, bytes, apiCalls, cosRequests } = totals;
  const unfinished = resumed === 0 ? '' : ` (${resumed} unfinished)`;
  const most = resumed > 0 && bytes > 0 ? 'up to ' : '';
  world.stdout.write(
    flags.json
      ? formatEvent('plan-finished', new Date(), totals)
      : `${jobs} to upload${unfinished}, ${skipped} skipped, ${failed} failed: ${most}${formatSize(bytes)}, ` +
          `${apiCalls} API calls, ${cosRequests} COS requests\n`,
  );
  return verdict.exitCode(flags.allowEmpty);
}

/** Resolves once there is room for more, so that a slow reader holds the plan up; at once where nobody reads. */
function print({ stdout }: World, text: string): Promise<void> {
  return new Promise((done) => {
    if (stdout.write(text, () => done())) done();
  });
}

/** What a run passes over or goes on with, the plan tells as such. */
async function withJournal(
  item: PlanItem,
  foresee: JournalView['foresee'],
  { coverFailure }: UploadFlags,
): Promise<Foreseen> {
  if (item.status !== 'planned') return { item };
  const { job } = item;
  const prospect = await foresee(job).catch(onlyUnreadable);
  if (prospect instanceof UploadFailure) {
    return { item: { status: 'failed', path: job.media.path, job, failure: prospect } };
  }
  const skipped = { status: 'skipped', path: job.media.path, job } as const;
  switch (prospect.kind) {
    case 'uploaded': {
      const { receipt } = prospect;
      return { item: { ...skipped, reason: 'already-uploaded', receipt } };
    }
    case 'held':
      return { item: { ...skipped, reason: 'held-by-other-run' } };
    case 'resumed': {
      const { begun, checkpoint } = prospect;
      const { phase } = checkpoint;
      const isAnew = isCoverDropped(job, begun, checkpoint) && coverFailure !== 'drop';
      if (isAnew && phase !== 'committing') return { item };
      return { item: { status: 'planned', job: begunJob(job, { begun, checkpoint }) }, phase };
    }
    case 'new':
      return { item };
  }
}

/** What cannot be read of one job is its failure alone. */
function onlyUnreadable(error: unknown): UploadFailure {
  if (error instanceof UploadFailure && error.code === 'journal-unreadable') return error;
  throw error;
}

function count({ item, phase }: Foreseen, flags: UploadFlags, totals: PlanTotals): void {
  if (item.status === 'skipped') {
    totals.skipped += 1;
    if (item.reason === 'already-uploaded') totals.known += 1;
  }
  if ('failure' in item) totals.failed += 1;
  if (item.status !== 'planned') return;
  totals.jobs += 1;
  if (phase !== undefined) totals.resumed += 1;
  totals.apiCalls += phase === undefined ? 2 : 1;
  if (isStored(phase)) return;
  for (const file of filesOf(item.job)) {
    totals.bytes += file.size;
    const parts = partsOf(file.size, flags);
    totals.cosRequests += parts === 1 ? 1 : parts + 2;
  }
}

/** Whether nothing is left to send, but a commit. */
function isStored(phase: Foreseen['phase']): boolean {
  return phase === 'assembled' || phase === 'committing';
}

function partsOf(size: number, { partSize }: UploadFlags): number {
  const wanted = partSize === 'auto' ? undefined : partSize;
  return Math.max(1, Math.ceil(size / partSizeFor(size, wanted)));
}

function sentence({ item, phase }: Foreseen, flags: UploadFlags): string {
  const path = visiblePath(item.status === 'planned' ? item.job.media.path : item.path);
  if (item.status === 'skipped') {
    const as = item.receipt === undefined ? '' : ` as ${item.receipt.fileId}`;
    return `skip    ${path} (${item.reason}${as})`;
  }
  if ('failure' in item) return `fail    ${path} (${visibleMessage(item.failure.message)})`;
  const { job } = item;
  const details = [
    ...(phase === undefined ? toSend(job, flags) : [leftToSend(job, phase)]),
    ...(job.cover ? [`cover ${visible(job.cover.path)}`] : []),
    ...(job.segments.length > 0 ? [`${job.segments.length} segments`] : []),
    `as ${visible(job.request.mediaName)}`,
  ];
  return `${phase === undefined ? 'upload' : 'resume'}  ${path} (${details.join(', ')})`;
}

function toSend({ media }: Job, flags: UploadFlags): string[] {
  const parts = partsOf(media.size, flags);
  return [formatSize(media.size), parts === 1 ? 'one PUT' : `${parts} parts`];
}

function leftToSend(job: Job, phase: Checkpoint['phase']): string {
  return isStored(phase) ? 'nothing left to send' : `up to ${formatSize(wholeSize(job))}`;
}

function describe({ item, phase }: Foreseen, flags: UploadFlags): object {
  if (item.status === 'skipped') {
    const { path, reason, receipt } = item;
    return { action: 'skip', path, reason, fileId: receipt?.fileId ?? null };
  }
  if ('failure' in item) {
    const { code, message, hint } = item.failure;
    return { action: 'fail', path: item.path, error: { code, message, hint } };
  }
  const { job } = item;
  return {
    ...(phase === undefined
      ? { action: 'upload', parts: partsOf(job.media.size, flags) }
      : { action: 'resume', phase }),
    path: job.media.path,
    size: job.media.size,
    cover: job.cover?.path ?? null,
    segments: job.segments.map((segment) => segment.path),
    request: { ...job.request, isExpiryRelative: undefined },
  };
}
