import { formatDuration } from '../core/duration.js';
import { formatSize } from '../core/size.js';
import { visible } from '../core/text.js';
import { progressOf } from './tally.js';
import type { Progress, Tally } from './tally.js';

/** Whole percent, and 100 only when everything is done. */
export function percent(fraction: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, fraction)) * 100)}%`;
}

export function rateText(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** `1.20/3.40 GiB`, or both units where they differ. */
export function sizePair(part: number, whole: number): string {
  const [number, unit] = formatSize(part).split(' ');
  const wholeText = formatSize(whole);
  return unit === wholeText.split(' ')[1]
    ? `${number}/${wholeText}`
    : `${formatSize(part)}/${wholeText}`;
}

/** Where the run stands, in one sentence for people. */
export function progressText(tally: Tally): string {
  const progress = progressOf(tally);
  return [
    `${progress.filesSettled} of ${progress.filesTotal}${tally.isPlanFinished ? '' : '+'} files`,
    `${formatSize(progress.bytesDone)} of ${formatSize(progress.bytesTotal)} (${percent(progress.fraction)})`,
    ...speed(progress),
  ].join(', ');
}

function speed({ rate, remainingMs }: Progress): string[] {
  const parts = rate === undefined ? [] : [rateText(rate)];
  return remainingMs === undefined
    ? parts
    : [...parts, `about ${formatDuration(remainingMs)} left`];
}

/** The state of things in full, a line each: the run, then every file in flight. */
export function stateText(tally: Tally): string[] {
  const files = [...tally.active.values()].map(
    ({ path, bytesStored, size }) =>
      `  ${visible(path)}: ${sizePair(bytesStored, size)} (${percent(size > 0 ? bytesStored / size : 0)})`,
  );
  return [progressText(tally), ...files];
}
