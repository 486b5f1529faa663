/**
 * Maps in parallel, up to `width` at a time, and yields in the order of the source. A slow source does
 * not hold back what is ready.
 */
export async function* mapAhead<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  width: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const results: Promise<R>[] = [];
  let upcoming: Promise<IteratorResult<T>> | undefined;
  let ended = false;
  try {
    while (!ended || results.length > 0) {
      if (!ended && results.length < width) {
        upcoming ??= quiet(Promise.resolve(iterator.next()));
        const ready = results[0];
        if (ready === undefined || (await isFirst(upcoming, ready))) {
          const next = await upcoming;
          upcoming = undefined;
          if (next.done === true) ended = true;
          else results.push(quiet(map(next.value)));
          continue;
        }
      }
      yield (await results.shift()) as R;
    }
  } finally {
    await Promise.allSettled(results);
    if (!ended) await iterator.return?.();
  }
}

/** A failure is seen when its turn comes, not before. */
function quiet<R>(promise: Promise<R>): Promise<R> {
  promise.catch(() => undefined);
  return promise;
}

async function isFirst(one: Promise<unknown>, other: Promise<unknown>): Promise<boolean> {
  const yes = (): boolean => true;
  const no = (): boolean => false;
  return Promise.race([one.then(yes, yes), other.then(no, no)]);
}
