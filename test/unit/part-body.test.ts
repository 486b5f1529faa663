import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import type { Source } from '../../src/core/ports.js';
import { createDigest } from '../../src/cos/digest.js';
import { createBufferPool, digestRange, openPartBody } from '../../src/cos/part-body.js';

const SIZE = 1000;
const PART = { number: 1, start: 0, end: SIZE };

/** A source whose disk answers when it is told to. */
function silentSource() {
  let answer = (): void => undefined;
  const source = {
    file: { path: 'a.mp4', size: SIZE },
    read: (into: Uint8Array) =>
      new Promise<number>((resolve) => (answer = () => resolve(into.length))),
  } as unknown as Source;
  return { source, answer: () => answer() };
}

/** The pool, and how many of its buffers are given back. */
function countingPool() {
  const pool = createBufferPool();
  let given = 0;
  return {
    take: (size: number) => pool.take(size),
    give(buffer: Buffer) {
      given += 1;
      pool.give(buffer);
    },
    given: () => given,
  };
}

test('a body is closed at once; its buffer is given back when the disk has answered, and once', async () => {
  const { source, answer } = silentSource();
  const pool = countingPool();
  const body = openPartBody(source, PART, createDigest([]), pool);
  void body.read(0);
  assert.equal(body.isReading(), true);
  body.close();
  await pause(5);
  assert.equal(pool.given(), 0);
  answer();
  await pause(5);
  assert.deepEqual([pool.given(), body.isReading()], [1, false]);
});

test('whoever begins to read after an abort takes no buffer and asks no disk', async () => {
  let taken = 0;
  const pool = { ...createBufferPool(), take: () => Buffer.alloc(++taken) };
  const { source } = silentSource();
  const over = AbortSignal.abort(new Error('over'));
  await assert.rejects(digestRange(source, PART, ['crc64'], pool, over), /over/);
  assert.equal(taken, 0);
});

test('the buffer of a chunk that another thread sends stays until it is sent', async () => {
  const { source, answer } = silentSource();
  const pool = countingPool();
  const body = openPartBody(source, PART, createDigest([]), pool);
  const reading = body.read(0);
  answer();
  await reading;
  let sent = (): void => undefined;
  body.usedUntil(new Promise<void>((resolve) => (sent = resolve)));
  body.close();
  await pause(5);
  assert.equal(pool.given(), 0);
  sent();
  await pause(5);
  assert.equal(pool.given(), 1);
});

test('reading for a digest stops as soon as it is aborted, whatever the disk does', async () => {
  const { source } = silentSource();
  const controller = new AbortController();
  const reading = digestRange(source, PART, ['md5'], createBufferPool(), controller.signal);
  setTimeout(() => controller.abort(new Error('enough')), 5);
  await assert.rejects(reading, /enough/);
});
