import type { Summary } from '../core/model.js';
import { formatDuration } from '../core/duration.js';
import { formatSize } from '../core/size.js';
import type { PartSlotControl } from '../pipeline/part-slots.js';
import type { Services } from './services.js';

/** The main thread is taken for the limit above this share of its time. */
const BUSY = 0.85;

/** What the run chose and what held it back, with numbers, in one sentence. */
export function explainRun(
  slots: PartSlotControl,
  services: Services,
  durationMs: number,
  summary: Summary,
): string {
  const rate = `${formatSize(summary.bytesSent / Math.max(durationMs / 1000, 0.001))}/s`;
  const { utilization } = performance.eventLoopUtilization();
  const apiWaitedMs = services.apiWaitedMs();
  const limits: string[] = [];
  if (services.troubles() > 0)
    limits.push(`the service (asked to slow down or fell silent ${services.troubles()} times)`);
  if (apiWaitedMs > durationMs)
    limits.push(`the API rate (calls waited ${formatDuration(apiWaitedMs)} in all)`);
  if (utilization > BUSY)
    limits.push(`this machine's CPU (${Math.round(utilization * 100)} % of one core)`);
  const limitedBy = limits.length > 0 ? limits.join(' and ') : 'the link or the disk';
  return `${rate} over at most ${slots.peak} connections; limited by ${limitedBy}`;
}
