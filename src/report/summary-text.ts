import { formatDuration } from '../core/duration.js';
import type { FailureCode } from '../core/errors.js';
import type { Outcome, Status, Summary } from '../core/model.js';
import { formatSize } from '../core/size.js';
import { visibleMessage, visiblePath } from '../core/text.js';
import { rateText } from './progress-text.js';

const LISTED = 10;
const STATUSES: readonly Status[] = ['uploaded', 'skipped', 'failed', 'interrupted', 'unknown'];

interface FailureGroup {
  readonly code: FailureCode;
  readonly hint: string;
  readonly count: number;
  readonly listed: readonly string[];
}

/** The failures of a run by code and hint: as many groups as there are hints, and the first few paths. */
export type Failures = ReadonlyMap<string, FailureGroup>;

/** The failures after one more outcome. */
export function collectFailure(failures: Failures, outcome: Outcome): Failures {
  if (!('failure' in outcome)) return failures;
  const { code, hint, message } = outcome.failure;
  const key = `${code}: ${hint}`;
  const group = failures.get(key) ?? { code, hint, count: 0, listed: [] };
  const isFull = listedIn(failures) >= LISTED;
  const listed = isFull
    ? group.listed
    : [...group.listed, `${visiblePath(outcome.path)}: ${message}`];
  return new Map(failures).set(key, { ...group, count: group.count + 1, listed });
}

function listedIn(failures: Failures): number {
  return [...failures.values()].reduce((sum, { listed }) => sum + listed.length, 0);
}

/** `12 uploaded, 1 skipped, 2 failed · 1.20 GiB sent in 40s (31.0 MiB/s)` */
export function summaryText(summary: Summary, durationMs: number): string {
  const counts = STATUSES.filter((status) => summary[status] > 0).map(
    (status) => `${summary[status]} ${status}`,
  );
  const took = formatDuration(durationMs);
  const rate = rateText((summary.bytesSent / Math.max(1, durationMs)) * 1000);
  const sent =
    summary.bytesSent > 0
      ? `${formatSize(summary.bytesSent)} sent in ${took} (${rate})`
      : `nothing sent in ${took}`;
  return `${counts.length > 0 ? counts.join(', ') : 'no files'} · ${sent}`;
}

/** What failed, grouped by code and hint, `manifest` named for what is not listed. */
export function failuresText(failures: Failures, manifest?: string): string[] {
  const lines = [...failures.values()].flatMap(({ code, count, hint, listed }) => {
    const more = count - listed.length;
    return [
      `${code} (${count} ${count === 1 ? 'file' : 'files'}): ${hint}`,
      ...listed.map((entry) => `  ${entry}`),
      ...(more > 0
        ? [`  and ${more} more${manifest === undefined ? '' : `: see ${manifest}`}`]
        : []),
    ];
  });
  return lines.map(visibleMessage);
}
