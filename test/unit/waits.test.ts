import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { onAbort, orAborted } from '../../src/core/waits.js';

test('a signal that aborts is heard by whoever still listens, each in its turn', () => {
  const ending = new AbortController();
  const heard: string[] = [];
  const leaves = ['a', 'b', 'c', 'd'].map((name) =>
    onAbort(ending.signal, () => {
      heard.push(name);
      // Whoever is told to leave on the way hears no more.
      if (name === 'c') leaves[3]?.();
    }),
  );
  leaves[1]?.();
  leaves[1]?.();
  ending.abort();
  ending.abort();
  assert.deepEqual(heard, ['a', 'c']);
});

test('however many wait, the signal has one listener, and one function may wait twice', async () => {
  const ending = new AbortController();
  let heard = 0;
  const hear = (): void => void (heard += 1);
  const leave = onAbort(ending.signal, hear);
  onAbort(ending.signal, hear);
  const never = Array.from({ length: 20 }, () => orAborted(new Promise(() => {}), ending.signal));
  assert.equal(getEventListeners(ending.signal, 'abort').length, 1);
  leave();
  ending.abort(new Error('over'));
  assert.equal(heard, 1);
  for (const waiting of never) await assert.rejects(waiting, /over/);
});
