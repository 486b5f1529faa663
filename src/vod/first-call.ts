import { UploadFailure } from '../core/errors.js';
import { orAborted } from '../core/waits.js';

/**
 * Until one call has ended only one is under way, and a failure that halts the run is the answer to
 * all that wait: wrong keys cost one request, however many files are in flight. Any other failure
 * lets the rest go, all at once, or a bad quarter of a minute would be waited for by each in turn.
 */
export function createFirstCallGate(): <T>(
  call: () => Promise<T>,
  signal: AbortSignal,
) => Promise<T> {
  let isOpen = false;
  let refusal: UploadFailure | undefined;
  let underWay: Promise<void> | undefined;

  return async (call, signal) => {
    while (!isOpen && underWay) await orAborted(underWay, signal);
    if (isOpen) return call();
    if (refusal) throw refusal;
    let done = (): void => undefined;
    underWay = new Promise((resolve) => (done = resolve));
    try {
      const result = await call();
      isOpen = true;
      return result;
    } catch (error) {
      if (error instanceof UploadFailure) {
        if (error.rule.halts === 'run') refusal = error;
        else isOpen = true;
      }
      throw error;
    } finally {
      underWay = undefined;
      done();
    }
  };
}
