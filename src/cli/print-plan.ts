import type { Job, PlanItem, Receipt } from '../core/model.js';
import { partSizeFor } from '../core/parts.js';
import { filesOf, formatSize } from '../core/size.js';
import { visible } from '../core/text.js';
import { createVerdict, type Verdict } from '../pipeline/verdict.js';
import { formatEvent } from '../report/json.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

type PrintedItem =
  | Exclude<PlanItem, { kind: 'skipped' }>
  | (Extract<PlanItem, { kind: 'skipped' }> & { readonly fileId?: string });

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
    note(item, verdict);
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

/** A job that nothing has become of yet counts as one that did not fail. */
function note(item: PrintedItem, verdict: Verdict): void {
  if (item.kind === 'job') {
    verdict.note({ status: 'interrupted', path: item.job.media.path, job: item.job });
  } else if (item.kind === 'failed') {
    verdict.note({ status: 'failed', path: item.path, failure: item.failure });
  } else {
    verdict.note({ status: 'skipped', path: item.path, reason: item.reason });
  }
}

/** What is known already is passed over by the run, so the plan says so. */
function withLedger(item: PlanItem, known: (job: Job) => Receipt | undefined): PrintedItem {
  const receipt = item.kind === 'job' ? known(item.job) : undefined;
  if (item.kind !== 'job' || receipt === undefined) return item;
  const { path } = item.job.media;
  return { kind: 'skipped', path, reason: 'already-uploaded', fileId: receipt.fileId };
}

function count(item: PrintedItem, flags: UploadFlags, totals: PlanTotals): void {
  if (item.kind === 'skipped') {
    totals.skipped += 1;
    if (item.reason === 'already-uploaded') totals.known += 1;
  }
  if (item.kind === 'failed') totals.failed += 1;
  if (item.kind !== 'job') return;
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

function sentence(item: PrintedItem, flags: UploadFlags): string {
  const path = visible(item.kind === 'job' ? item.job.media.path : item.path);
  if (item.kind === 'skipped') {
    const as = item.fileId === undefined ? '' : ` as ${item.fileId}`;
    return `skip    ${path} (${item.reason}${as})`;
  }
  if (item.kind === 'failed') return `fail    ${path} (${visible(item.failure.message)})`;
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

function describe(item: PrintedItem, flags: UploadFlags): object {
  if (item.kind === 'skipped') {
    const { path, reason, fileId = null } = item;
    return { action: 'skip', path, reason, fileId };
  }
  if (item.kind === 'failed') {
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
