import { outcomeText } from './event-text.js';
import type { Output, Reporter } from './reporter.js';
import { summaryText } from './summary-text.js';

/** Silent as long as all is well; otherwise a line a file that is not done, and the summary. */
export function createQuiet({ stream }: { readonly stream: Output }): Reporter {
  let isSilent = true;
  return {
    handle(event) {
      if (event.type === 'job-settled' && isTrouble(event.outcome.status)) {
        isSilent = false;
        stream.write(`${outcomeText(event.outcome, false)}\n`);
      } else if (event.type === 'run-finished' && !isSilent) {
        stream.write(`${summaryText(event.summary, event.durationMs)}\n`);
      }
    },
  };
}

function isTrouble(status: string): boolean {
  return status !== 'uploaded' && status !== 'skipped';
}
