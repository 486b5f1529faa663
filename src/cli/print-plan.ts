import type { Job, PlanItem } from '../core/model.js';
import { cut, partSizeFor } from '../core/parts.js';
import { formatSize } from '../core/size.js';
import { visible } from '../core/text.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/** What a plan would cost. */
interface PlanTotals {
  jobs: number;
  skipped: number;
  failed: number;
  bytes: number;
  apiCalls: number;
  cosRequests: number;
}

/** `--dry-run`: tells what would be done and why, one line an input; resolves to the exit code. */
export async function printPlan(
  plan: AsyncIterable<PlanItem>,
  flags: UploadFlags,
  world: World,
  warnings: () => readonly string[],
): Promise<number> {
  const totals: PlanTotals = {
    jobs: 0,
    skipped: 0,
    failed: 0,
    bytes: 0,
    apiCalls: 0,
    cosRequests: 0,
  };
  for await (const item of plan) {
    const line = flags.json ? JSON.stringify(describe(item, flags)) : sentence(item, flags);
    count(item, flags, totals);
    world.stdout.write(`${line}\n`);
  }
  for (const warning of warnings()) world.stderr.write(`warning: ${visible(warning)}\n`);
  const { jobs, skipped, failed, bytes, apiCalls, cosRequests } = totals;
  world.stdout.write(
    flags.json
      ? `${JSON.stringify({ type: 'plan-finished', schema: 1, ...totals })}\n`
      : `${jobs} to upload, ${skipped} skipped, ${failed} failed: ${formatSize(bytes)}, ` +
          `${apiCalls} API calls, ${cosRequests} COS requests\n`,
  );
  if (failed > 0) return 3;
  return jobs === 0 && !flags.allowEmpty ? 4 : 0;
}

function count(item: PlanItem, flags: UploadFlags, totals: PlanTotals): void {
  if (item.kind === 'skipped') totals.skipped += 1;
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

function filesOf(job: Job) {
  return [job.media, ...(job.cover ? [job.cover] : []), ...job.segments];
}

function partsOf(size: number, flags: UploadFlags): number {
  return Math.max(1, [...cut(size, partSizeFor(size, flags.partSize))].length);
}

function sentence(item: PlanItem, flags: UploadFlags): string {
  const path = visible(item.kind === 'job' ? item.job.media.path : item.path);
  if (item.kind === 'skipped') return `skip    ${path} (${item.reason})`;
  if (item.kind === 'failed') return `fail    ${path} (${item.failure.message})`;
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
  if (item.kind === 'skipped') {
    return { type: 'job-planned', schema: 1, action: 'skip', path: item.path, reason: item.reason };
  }
  if (item.kind === 'failed') {
    const { code, message, hint } = item.failure;
    return {
      type: 'job-planned',
      schema: 1,
      action: 'fail',
      path: item.path,
      error: { code, message, hint },
    };
  }
  const { job } = item;
  return {
    type: 'job-planned',
    schema: 1,
    action: 'upload',
    path: job.media.path,
    size: job.media.size,
    parts: partsOf(job.media.size, flags),
    cover: job.cover?.path ?? null,
    segments: job.segments.map((segment) => segment.path),
    request: job.request,
  };
}
