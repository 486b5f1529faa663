import { visible } from '../core/text.js';
import type { Output, Reporter } from './reporter.js';

/** `FileId<TAB>path`, one line a media that the service has, whether from this run or an earlier one. */
export function createResults({ stream }: { readonly stream: Output }): Reporter {
  return {
    handle(event) {
      if (event.type !== 'job-settled') return;
      const { outcome } = event;
      const receipt = 'receipt' in outcome ? outcome.receipt : undefined;
      if (receipt === undefined) return;
      stream.write(`${receipt.fileId}\t${visible(outcome.path)}\n`);
    },
  };
}
