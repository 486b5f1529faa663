import type { Job, PlanItem, Receipt } from '../core/model.js';
import { partSizeFor } from '../core/parts.js';
import { filesOf, formatSize } from '../core/size.js';
import { visible } from '../core/text.js';
import { createVerdict } from '../pipeline/verdict.js';
import { formatEvent } from '../report/json.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/** What a plan would cost. */
interface PlanTotals {
  jobs: number;
  skipped: number;
  /** Of those skipped, what was uploaded before. */
  known: number;
  failed: number;
  bytes: number;
  apiCalls: number;
  cosRequests: number;
}

/**
 * `--dry-run`: tells what would be done and why, one line an input; resolves to the exit code of a run in
 * which all that is to be uploaded is.
 */
export async function printPlan(
  plan: AsyncIterable<PlanItem>,
  known: (job: Job) => Receipt | undefined,
  flags: UploadFlags,
  world: World,
  warnings: () => readonly string[],
): Promise<number> {
  const totals: PlanTotals = {
    jobs: 0,
    skipped: 0,
    known: 0,
    failed: 0,
    bytes: 0,
    apiCalls: 0,
    cosRequests: 0,
  };
  const verdict = createVerdict();
  for await (const planned of plan) {
    const item = withLedger(planned, known);
    count(item, flags, totals);
    // A job that nothing has become of yet counts as one that did not fail.
    verdict.note(
      item.status === 'planned'
        ? { status: 'interrupted', path: item.job.media.path, job: item.job }
        : item,
    );
    await print(
      world,
      flags.json
        ? formatEvent('job-planned', new Date(), describe(item, flags))
        : `${sentence(item, flags)}\n`,
    );
  }
  for (const warning of flags.quiet ? [] : warnings()) {
    world.stderr.write(`warning: ${visible(warning)}\n`);
  }
  const { jobs, skipped, failed, bytes, apiCalls, cosRequests } = totals;
  world.stdout.write(
    flags.json
      ? formatEvent('plan-finished', new Date(), totals)
      : `${jobs} to upload, ${skipped} skipped, ${failed} failed: ${formatSize(bytes)}, ` +
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

/** What is known already is passed over by the run, so the plan says so. */
function withLedger(item: PlanItem, known: (job: Job) => Receipt | undefined): PlanItem {
  if (item.status !== 'planned') return item;
  const { job } = item;
  const receipt = known(job);
  if (receipt === undefined) return item;
  return { status: 'skipped', path: job.media.path, job, reason: 'already-uploaded', receipt };
}

function count(item: PlanItem, flags: UploadFlags, totals: PlanTotals): void {
  if (item.status === 'skipped') {
    totals.skipped += 1;
    if (item.reason === 'already-uploaded') totals.known += 1;
  }
  if ('failure' in item) totals.failed += 1;
  if (item.status !== 'planned') return;
  totals.jobs += 1;
  totals.apiCalls += 2;
  for (const file of filesOf(item.job)) {
    totals.bytes += file.size;
    const parts = partsOf(file.size, flags);
    totals.cosRequests += parts === 1 ? 1 : parts + 2;
  }
}

function partsOf(size: number, { partSize }: UploadFlags): number {
  const wanted = partSize === 'auto' ? undefined : partSize;
  return Math.max(1, Math.ceil(size / partSizeFor(size, wanted)));
}

function sentence(item: PlanItem, flags: UploadFlags): string {
  const path = visible(item.status === 'planned' ? item.job.media.path : item.path);
  if (item.status === 'skipped') {
    const as = item.receipt === undefined ? '' : ` as ${item.receipt.fileId}`;
    return `skip    ${path} (${item.reason}${as})`;
  }
  if ('failure' in item) return `fail    ${path} (${visible(item.failure.message)})`;
  const { job } = item;
  const parts = partsOf(job.media.size, flags);
  const details = [
    formatSize(job.media.size),
    parts === 1 ? 'one PUT' : `${parts} parts`,
    ...(job.cover ? [`cover ${visible(job.cover.path)}`] : []),
    ...(job.segments.length > 0 ? [`${job.segments.length} segments`] : []),
    `as ${visible(job.request.mediaName)}`,
  ];
  return `upload  ${path} (${details.join(', ')})`;
}

function describe(item: PlanItem, flags: UploadFlags): object {
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
    action: 'upload',
    path: job.media.path,
    size: job.media.size,
    parts: partsOf(job.media.size, flags),
    cover: job.cover?.path ?? null,
    segments: job.segments.map((segment) => segment.path),
    request: { ...job.request, isExpiryRelative: undefined },
  };
}
