import { setMaxListeners } from 'node:events';

/**
 * Runs tasks side by side under one signal. The first failure aborts the others; the promise
 * settles only when all have settled, so nothing is left running behind a rejection.
 */
export async function together<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal,
): Promise<T[]> {
  signal.throwIfAborted();
  const [only] = tasks;
  // On its own, it has nobody to abort.
  if (only !== undefined && tasks.length === 1) return [await only(signal)];
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let failed = false;
  let failure: unknown;
  try {
    const results = await Promise.all(
      tasks.map(async (task) => {
        try {
          return await task(controller.signal);
        } catch (error) {
          if (!failed) {
            failed = true;
            failure = error;
            controller.abort(error);
          }
          return undefined as T;
        }
      }),
    );
    if (failed) throw failure;
    return results;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
