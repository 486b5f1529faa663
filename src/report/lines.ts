import { eventText } from './event-text.js';
import { progressText } from './progress-text.js';
import { every as systemEvery } from './reporter.js';
import type { Every, Output, Reporter } from './reporter.js';
import { collectFailure, failuresText, summaryText } from './summary-text.js';
import type { Failures } from './summary-text.js';
import type { Tally } from './tally.js';

const HEARTBEAT_MS = 60_000;

export interface LinesOptions {
  readonly stream: Output;
  /** The run as it stands, the event that is being handled included. */
  readonly tally: () => Tally;
  readonly verbose: boolean;
  /** Named where not every failure is listed. */
  readonly manifest?: string;
  readonly every?: Every;
}

/** For logs: a line a settled file, a heartbeat a minute, the summary. No escapes, no carriage returns. */
export function createLines({
  stream,
  tally,
  verbose,
  manifest,
  every = systemEvery,
}: LinesOptions): Reporter {
  let failures: Failures = new Map();
  let stopHeartbeat = (): void => undefined;

  function say(lines: readonly string[]): void {
    for (const line of lines) stream.write(`${line}\n`);
  }

  return {
    handle(event) {
      const text = eventText(event, { verbose, colour: false });
      if (text !== undefined) say([text]);
      if (event.type === 'run-started') {
        stopHeartbeat();
        stopHeartbeat = every(HEARTBEAT_MS, () => say([progressText(tally())]));
      } else if (event.type === 'job-settled') {
        failures = collectFailure(failures, event.outcome);
      } else if (event.type === 'run-finished') {
        stopHeartbeat();
        say([...failuresText(failures, manifest), summaryText(event.summary, event.durationMs)]);
      }
    },
    stop: () => stopHeartbeat(),
  };
}
