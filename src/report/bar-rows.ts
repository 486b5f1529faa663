import { formatDuration } from '../core/duration.js';
import { visible } from '../core/text.js';
import { percent, rateText, sizePair } from './progress-text.js';
import { progressOf } from './tally.js';
import type { ActiveJob, Progress, Tally } from './tally.js';
import { column, fit } from './width.js';

/** Rows that bars leave to what scrolls above them. */
const ROWS_LEFT = 2;
/** The total takes a second row where one is too short for its figures. */
const TOTAL_ROWS = 2;
/** Below this many cells a file shows no sizes. */
const NARROW = 70;
const PERCENT_CELLS = 4;
const SIZES_CELLS = '999 MiB/99.9 GiB'.length;
const FIGURES_CELLS = '9.99 MiB/99.9 GiB  99.9 MiB/s  ETA 59m59s'.length;
const LONGEST_NAME = 100;
const LONGEST_BAR = 40;
const SHORTEST_BAR = 10;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * The picture of a run: a row an active file, as many as fit, then the total. No row takes the last
 * column, which terminals treat specially.
 */
export function barRows(tally: Tally, size: TerminalSize): string[] {
  const cells = Math.max(1, size.columns - 1);
  const active = [...tally.active.values()];
  const shown = active.slice(0, Math.max(0, size.rows - ROWS_LEFT - TOTAL_ROWS));
  const hidden = active.length - shown.length;
  const total = totalRows(progressOf(tally), tally.isPlanFinished, hidden, cells);
  return [...shown.map((job) => jobRow(job, cells)), ...total]
    .map((row) => fit(row, cells))
    .slice(-Math.max(1, size.rows - 1));
}

function jobRow(job: ActiveJob, cells: number): string {
  const fraction = job.size > 0 ? job.bytesStored / job.size : 0;
  const picture = bar(fraction, clamp(Math.floor(cells / 4), SHORTEST_BAR, LONGEST_BAR));
  const sizes =
    cells < NARROW ? '' : ` ${sizePair(job.bytesStored, job.size).padStart(SIZES_CELLS)}`;
  const figures = `${picture} ${percent(fraction).padStart(PERCENT_CELLS)}${sizes}`;
  const name = Math.min(LONGEST_NAME, Math.max(1, cells - figures.length - 1));
  return `${column(visible(job.path), name)} ${figures}`;
}

function totalRows(
  progress: Progress,
  isPlanFinished: boolean,
  hidden: number,
  cells: number,
): string[] {
  const files = `${progress.filesSettled}/${progress.filesTotal}${isPlanFinished ? '' : '+'} files`;
  const share = percent(progress.fraction).padStart(PERCENT_CELLS);
  const figures = [
    sizePair(progress.bytesDone, progress.bytesTotal),
    rateText(progress.rate ?? 0),
    `ETA ${progress.remainingMs === undefined ? '--' : formatDuration(progress.remainingMs)}`,
  ];
  const text = ` ${share}  ${files}${hidden > 0 ? ` (+${hidden} not shown)` : ''}`;
  if (text.length + FIGURES_CELLS + SHORTEST_BAR > cells) {
    const short = ` ${share} ${files}${hidden > 0 ? ` +${hidden}` : ''}`;
    return [withBar(progress, short, cells), figures.join(' ')];
  }
  return [withBar(progress, `${text}  ${figures.join('  ')}`, cells)];
}

/** As much of a bar as there is room for before the text. */
function withBar({ fraction }: Progress, text: string, cells: number): string {
  const room = Math.min(LONGEST_BAR, cells - text.length - 2);
  return room < 4 ? text.trimStart() : `${bar(fraction, room)}${text}`;
}

/** ASCII, since the width of block characters depends on the terminal's locale. */
function bar(fraction: number, cells: number): string {
  const full = Math.floor(clamp(fraction, 0, 1) * cells);
  const head = full > 0 && full < cells ? `${'='.repeat(full - 1)}>` : '='.repeat(full);
  return `[${head.padEnd(cells)}]`;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
