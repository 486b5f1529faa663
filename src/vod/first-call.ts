import { UploadFailure } from '../core/errors.js';

/**
 * Until one call has ended only one is under way, and a failure that halts the run is the answer to
 * all that wait: wrong keys cost one request, however many files are in flight. Any other failure
 * lets the rest go, or a bad quarter of a minute would be waited for by each in turn.
 */
export function createFirstCallGate(): <T>(call: () => Promise<T>) => Promise<T> {
  let isOpen = false;
  let refusal: UploadFailure | undefined;
  let turn: Promise<void> = Promise.resolve();

  return async (call) => {
    const mine = turn;
    let done = (): void => undefined;
    if (!isOpen) turn = new Promise((resolve) => (done = resolve));
    try {
      if (!isOpen) await mine;
      if (refusal && !isOpen) throw refusal;
      const result = await call();
      isOpen = true;
      return result;
    } catch (error) {
      if (!isOpen && error instanceof UploadFailure) {
        if (error.rule.halts === 'run') refusal ??= error;
        else isOpen = true;
      }
      throw error;
    } finally {
      done();
    }
  };
}
