import { UploadFailure } from '../../src/core/errors.js';
import type { Outcome, PlanItem } from '../../src/core/model.js';
import { createManifest } from '../../src/manifest/manifest.js';
import type { PlanWorld } from './plan-world.js';

export const FORMATS = ['json', 'jsonl', 'csv'];

/** Writes the manifest of a run with these outcomes, in the format that its name tells. */
export async function writeManifest(
  world: PlanWorld,
  name: string,
  outcomes: readonly Outcome[],
  options: object = { exclude: ['[', '{"results": ['] },
): Promise<void> {
  const startedAt = new Date('2024-01-01T00:00:00Z');
  const manifest = await createManifest({
    path: world.at(name),
    tool: { name: 'vod-upload', version: '1.0.0' },
    runId: 'run-1',
    startedAt,
    options: { ...options },
    processes: { pid: process.pid, isAlive: () => true },
  });
  for (const outcome of outcomes) await manifest.record(outcome);
  const counts = { uploaded: 1, skipped: 1, failed: 1, interrupted: 1, unknown: 1 };
  await manifest.finish({
    finishedAt: startedAt,
    durationMs: 0,
    exitCode: 3,
    summary: { total: 5, ...counts, bytes: 1, bytesSent: 1 },
  });
}

/** The outcomes of a run in which every planned job failed. */
export function failAll(items: readonly PlanItem[]): Outcome[] {
  const failure = new UploadFailure('network', 'refused');
  return items.map((item) =>
    item.status === 'planned'
      ? { status: 'failed', path: item.job.media.path, job: item.job, failure }
      : item,
  );
}
