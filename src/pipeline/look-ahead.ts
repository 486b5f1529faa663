import { setImmediate as turn } from 'node:timers/promises';
import { onAbort } from '../core/waits.js';

/** What the disk has in memory is read without a break, unless the network gets its turn this often. */
const TURN_MS = 5;

/**
 * Reads a stream ahead of its consumer, up to where the items weigh `capacity` together, so that totals are
 * known early and the disk is asked while the network is busy; memory stays bounded. Ends as soon as `leave`
 * aborts, whatever the source is at, of which nothing is told any more.
 */
export async function* lookAhead<T>(
  source: AsyncIterable<T>,
  capacity: number,
  weigh: (item: T) => number,
  onItem: (item: T) => void,
  onEnd: () => void,
  leave: AbortSignal,
): AsyncGenerator<T> {
  const ready: T[] = [];
  let weight = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wake = (): void => undefined;
  const woken = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  let isLeft = false;
  const isOver = (): boolean => isLeft || leave.aborted;
  onAbort(leave, () => wake());

  const reading = (async () => {
    let since = performance.now();
    try {
      for await (const item of source) {
        if (isOver()) return;
        onItem(item);
        ready.push(item);
        weight += weigh(item);
        wake();
        if (performance.now() - since > TURN_MS) {
          await turn();
          since = performance.now();
        }
        while (weight >= capacity && !isOver()) await woken();
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
      while (ready.length > 0 && !isOver()) {
        const item = ready.shift() as T;
        weight -= weigh(item);
        wake();
        yield item;
      }
      if (isOver()) return;
      if (failure) throw failure.error;
      if (ended) return;
      await woken();
    }
  } finally {
    isLeft = true;
    wake();
    if (!leave.aborted) await reading;
  }
}
