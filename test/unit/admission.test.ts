import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { JobId } from '../../src/core/ids.js';
import type { Job } from '../../src/core/model.js';
import { MIB } from '../../src/core/parts.js';
import { createAdmission, NotAdmitted } from '../../src/pipeline/admission.js';
import type { PartSlots } from '../../src/pipeline/part-slots.js';

const never = new AbortController().signal;
const ENOUGH = 3 * 8;

/** An admission over eight connections, all of them busy, and who was admitted in which order. */
function world(stop: AbortSignal = never) {
  const rules = { limit: 8, expected: 8, isBraking: false, isPaused: false };
  const state = { waiting: 1, active: 8, rules };
  const admission = createAdmission({ slots: state as unknown as PartSlots, partSize: MIB }, stop);
  const admitted: string[] = [];
  return {
    state,
    admission,
    admitted,
    ask(id: string, parts: number, hasSession = false, signal = never): Promise<void> {
      const job = { id: id as JobId, media: { size: parts * MIB }, segments: [] } as unknown as Job;
      return admission.admit(job, hasSession, signal).then(() => void admitted.push(id));
    },
    left: (id: string, parts: number) => admission.progress(id as JobId, parts * MIB),
  };
}

test('a file of many parts gets a session once those that have one have little left, one at a time', async () => {
  const { ask, left, admission, admitted } = world();
  await ask('a', 1000);
  const others = [ask('b', 1000), ask('c', 1000)];
  await pause(10);
  left('a', ENOUGH);
  await pause(10);
  assert.deepEqual(admitted, ['a']);
  left('a', ENOUGH - 1);
  await others[0];
  await pause(10);
  assert.deepEqual(admitted, ['a', 'b']);
  admission.end('a' as JobId);
  admission.end('b' as JobId);
  await others[1];
});

test('the segments of a playlist count, since its certificate grows old as well', async () => {
  const { ask, admission, admitted } = world();
  await ask('a', 1000);
  const segments = Array.from({ length: 1000 }, () => ({ size: MIB }));
  const playlist = { id: 'list' as JobId, media: { size: 100 }, segments } as unknown as Job;
  const later = admission.admit(playlist, false, never).then(() => admitted.push('list'));
  await pause(10);
  assert.deepEqual(admitted, ['a']);
  admission.end('a' as JobId);
  await later;
});

test('small files are not held up by large ones, nor what has a session already', async () => {
  const { ask, admitted } = world();
  await ask('large', 1000);
  await ask('small', ENOUGH - 1);
  await ask('begun', 1000, true);
  assert.deepEqual(admitted, ['large', 'small', 'begun']);
});

test('connections that have had no work for two seconds get some', async () => {
  const { ask, state, admitted } = world();
  await ask('dead', 1000);
  const others = [ask('b', 1000), ask('c', 1000)];
  state.waiting = 0;
  state.active = 1;
  await pause(1000);
  assert.deepEqual(admitted, ['dead']);
  await others[0];
  assert.deepEqual(admitted, ['dead', 'b']);
  await pause(500);
  assert.deepEqual(admitted, ['dead', 'b'], 'one at a time');
  await others[1];
});

test('who waits while the run is to stop, or is aborted, is not admitted', async () => {
  const stop = new AbortController();
  const abort = new AbortController();
  const { ask, admitted } = world(stop.signal);
  await ask('a', 1000);
  const stopped = ask('b', 1000);
  const aborted = ask('c', 1000, false, abort.signal);
  abort.abort(new Error('over'));
  await assert.rejects(aborted, /over/);
  stop.abort();
  await assert.rejects(stopped, NotAdmitted);
  await assert.rejects(ask('d', 1), NotAdmitted);
  assert.deepEqual(admitted, ['a']);
});

test('a file whose session was no good waits again behind the others', async () => {
  const { ask, left, admitted } = world();
  await ask('a', 1000);
  left('a', 1);
  await ask('b', 1000);
  const again = ask('a', 1000);
  await pause(10);
  assert.deepEqual(admitted, ['a', 'b']);
  left('b', 1);
  await again;
});
