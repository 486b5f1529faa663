import { setImmediate as turn } from 'node:timers/promises';

/** What the disk has in memory is read without a break, unless the network gets its turn this often. */
const TURN_MS = 5;

/**
 * Reads a stream up to `capacity` items ahead of its consumer, so that totals are known early and
 * the disk is asked while the network is busy; memory stays bounded. Ends as soon as `leave` aborts,
 * whatever the source is at, of which nothing is told any more.
 */
export async function* lookAhead<T>(
  source: AsyncIterable<T>,
  capacity: number,
  onItem: (item: T) => void,
  onEnd: () => void,
  leave: AbortSignal,
): AsyncGenerator<T> {
  const ready: T[] = [];
  let head = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wake = (): void => undefined;
  let isLeft = false;
  const isOver = (): boolean => isLeft || leave.aborted;
  leave.addEventListener('abort', () => wake(), { once: true });

  const reading = (async () => {
    let since = performance.now();
    try {
      for await (const item of source) {
        if (isOver()) return;
        onItem(item);
        ready.push(item);
        wake();
        if (performance.now() - since > TURN_MS) {
          await turn();
          since = performance.now();
        }
        while (ready.length - head >= capacity && !isOver()) {
          await new Promise<void>((resolve) => (wake = resolve));
        }
        if (isOver()) return;
      }
      if (!isOver()) onEnd();
    } catch (error) {
      failure = { error };
    } finally {
      ended = true;
      wake();
    }
  })();

  try {
    for (;;) {
      while (head < ready.length && !isOver()) {
        const item = ready[head] as T;
        head += 1;
        if (head > 1024) head -= ready.splice(0, head).length;
        wake();
        yield item;
      }
      if (isOver()) return;
      if (failure) throw failure.error;
      if (ended) return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    isLeft = true;
    wake();
    if (!leave.aborted) await reading;
  }
}
