import { barRows } from './bar-rows.js';
import { eventText } from './event-text.js';
import { every as systemEvery } from './reporter.js';
import type { Every, Output, Reporter } from './reporter.js';
import { createBarScreen } from './screen.js';
import { collectFailure, failuresText, summaryText } from './summary-text.js';
import type { Failures } from './summary-text.js';
import type { Tally } from './tally.js';

const FRAME_MS = 200;

export interface BarsOptions {
  readonly stream: Output;
  /** The run as it stands, the event that is being handled included. */
  readonly tally: () => Tally;
  /** The size of the terminal, asked anew for every frame. */
  readonly columns: () => number;
  readonly rows: () => number;
  readonly verbose: boolean;
  readonly colour: boolean;
  /** Named where not every failure is listed. */
  readonly manifest?: string;
  readonly every?: Every;
}

/** Bars, and a way to write on the same terminal without tearing them. */
export interface Bars extends Reporter {
  /** Shows a whole line, or several, above the bars. */
  write(lines: string): void;
  /** Takes the bars away; lines go on. */
  hide(): void;
  /** Begins a new block of bars, while the run goes on and there is none. */
  show(): void;
}

/** For terminals: a bar a file in flight, one for the total, settled files scrolling above. */
export function createBars(options: BarsOptions): Bars {
  const { stream, tally, verbose, colour, manifest, every = systemEvery } = options;
  // A terminal that does not know its size says 0.
  const columns = (): number => options.columns() || 80;
  const rows = (): number => options.rows() || 24;
  let screen = createBarScreen({ stream, columns });
  let failures: Failures = new Map();
  let stopFrames: (() => void) | undefined;
  let isRunning = false;

  function draw(): void {
    screen.draw(barRows(tally(), { columns: columns(), rows: rows() }));
  }

  function say(line: string): void {
    if (stopFrames) screen.log(line);
    else stream.write(`${line}\n`);
  }

  function show(): void {
    if (!isRunning || stopFrames) return;
    screen = createBarScreen({ stream, columns });
    stopFrames = every(FRAME_MS, draw);
    draw();
  }

  function hide(): void {
    stopFrames?.();
    stopFrames = undefined;
    screen.close();
  }

  function close(): void {
    isRunning = false;
    hide();
  }

  return {
    handle(event) {
      const text = eventText(event, { verbose, colour });
      if (text !== undefined) say(text);
      if (event.type === 'run-started') {
        isRunning = true;
        show();
      } else if (event.type === 'job-settled') {
        failures = collectFailure(failures, event.outcome);
      } else if (event.type === 'run-finished') {
        close();
        failuresText(failures, manifest).forEach(say);
        say(summaryText(event.summary, event.durationMs));
      }
    },
    write(lines) {
      lines.replace(/\n$/, '').split('\n').forEach(say);
    },
    hide,
    show,
    stop: close,
  };
}
