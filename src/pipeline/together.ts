import { onAbort } from '../core/waits.js';

/** A task: the first signal aborts when nothing shall begin any more, the second when what is under way is of no use. */
export type Task<T> = (signal: AbortSignal, useful: AbortSignal) => Promise<T>;

/**
 * Runs tasks side by side under one signal. The first failure aborts the others, or lets what they have
 * under way go on where it `leavesUse`; the promise settles only when all have settled, so nothing is
 * left running behind a rejection.
 */
export async function together<T>(
  tasks: readonly Task<T>[],
  signal: AbortSignal,
  leavesUse: (failure: unknown) => boolean = () => false,
): Promise<T[]> {
  signal.throwIfAborted();
  const [only] = tasks;
  // On its own, it has nobody to abort.
  if (only !== undefined && tasks.length === 1) return [await only(signal, signal)];
  const [beginning, useful] = [new AbortController(), new AbortController()];
  const unlisten = onAbort(signal, () => {
    beginning.abort(signal.reason);
    useful.abort(signal.reason);
  });
  let failure: { readonly error: unknown } | undefined;
  try {
    const results = await Promise.all(
      tasks.map(async (task) => {
        try {
          return await task(beginning.signal, useful.signal);
        } catch (error) {
          failure ??= { error };
          beginning.abort(failure.error);
          if (!leavesUse(error)) useful.abort(error);
          return undefined as T;
        }
      }),
    );
    if (failure) throw failure.error;
    return results;
  } finally {
    unlisten();
  }
}
