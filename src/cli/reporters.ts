import type { Emit } from '../core/events.js';
import type { Summary } from '../core/model.js';
import { toRecord } from '../manifest/record.js';
import type { Bars } from '../report/bars.js';
import { createJsonLines } from '../report/json.js';
import { createLines } from '../report/lines.js';
import { createQuiet } from '../report/quiet.js';
import { every, type Reporter } from '../report/reporter.js';
import { stateText } from '../report/progress-text.js';
import { createResults } from '../report/results.js';
import { advance, emptyTally, summarise } from '../report/tally.js';
import type { TerminalUser } from './job-control.js';
import { isOnStandardOutput } from './manifest-place.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

export interface Reporters {
  readonly emit: Emit;
  /** What has been counted so far. */
  summary(): Summary;
  /** The most files that were in flight at once. */
  mostFiles(): number;
  /** Tells people the state of things now. */
  tellState(): void;
  /** The bars, where there are any. Without the terminal they are lines. */
  readonly screen: TerminalUser;
  /** Nothing is written afterwards. */
  stop(): void;
}

/** How often it is seen how many bytes have moved: often enough for a rate that is watched, or now and then told. */
const BARS_LOOK_MS = 500;
const LINES_LOOK_MS = 5000;

/** Everyone who listens to a run: one for programs on stdout, one for people on stderr. */
export async function createReporters(
  flags: UploadFlags,
  world: World,
  bytesMoved: () => number,
): Promise<Reporters> {
  const { stdout, stderr } = world;
  const now = (): Date => new Date();
  const manifest = flags.manifest === false ? {} : { manifest: flags.manifest };
  let tally = emptyTally();
  let mostFiles = 0;
  let isStopped = false;
  const common = { stream: stderr, tally: () => tally, verbose: flags.verbose, ...manifest };
  const bars = await openBars(flags, world, common);
  const people = flags.quiet ? createQuiet({ stream: stderr }) : (bars ?? createLines(common));
  // On a terminal that shows bars, results are written where they do not tear them.
  const stream = bars && stdout.isTTY === true ? bars : stdout;
  const programs = flags.json
    ? createJsonLines({ stream, now, toRecord })
    : createResults({ stream });
  // A manifest that goes there tells the same, and is read as a whole.
  const isTaken = await isOnStandardOutput(flags, world);
  const reporters: readonly Reporter[] = isTaken ? [people] : [programs, people];
  const emit: Emit = (event) => {
    if (isStopped) return;
    tally = advance(tally, event);
    mostFiles = Math.max(mostFiles, tally.active.size);
    reporters.forEach((reporter) => reporter.handle(event));
  };
  const look = (): void =>
    emit({ type: 'bytes-moved', bytes: bytesMoved(), atMs: performance.now() });
  look();
  const stopLooking = every(bars ? BARS_LOOK_MS : LINES_LOOK_MS, look);
  return {
    emit,
    summary: () => summarise(tally),
    mostFiles: () => mostFiles,
    tellState: () => void (bars ?? stderr).write(`${stateText(tally).join('\n')}\n`),
    screen: { release: () => bars?.hide(), take: () => bars?.show() },
    stop() {
      isStopped = true;
      stopLooking();
      reporters.forEach((reporter) => reporter.stop?.());
    },
  };
}

async function openBars(
  flags: UploadFlags,
  { stderr, env }: World,
  common: Parameters<typeof createLines>[0],
): Promise<Bars | undefined> {
  if (flags.quiet || stderr.isTTY !== true || env['TERM'] === 'dumb') return undefined;
  const { createBars } = await import('../report/bars.js');
  return createBars({
    ...common,
    columns: () => stderr.columns ?? 0,
    rows: () => stderr.rows ?? 0,
    colour: !env['NO_COLOR'],
    // A terminal that stands still is not sent one picture after the other.
    every: (intervalMs, tick) => every(intervalMs, () => stderr.writableLength === 0 && tick()),
  });
}
