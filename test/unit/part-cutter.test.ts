import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectCheckpoint, Part } from '../../src/core/model.js';
import { MIB } from '../../src/core/parts.js';
import { createPartCutter } from '../../src/pipeline/part-cutter.js';
import type { ObjectSending } from '../../src/pipeline/sending.js';

const QUICK = 200_000;
const SLOW = 2_500;
const key = 'a/media.mp4';

interface Cutting {
  readonly size?: number;
  readonly held?: readonly number[];
  readonly known?: Partial<ObjectCheckpoint>;
  readonly wanted?: number;
  readonly write?: () => Promise<void>;
}

/** Cuts a whole file over connections of a rate; tells the parts, and the checkpoint in the end. */
async function cutAll(rate: (part: Part) => number, options: Cutting = {}) {
  const size = options.size ?? 4096 * MIB;
  let known: ObjectCheckpoint = { key, partSize: 8 * MIB, ...options.known };
  const sending = {
    object: { key, file: { size } },
    checkpoint: {
      object: () => known,
      update: (_: string, change: Partial<ObjectCheckpoint>) => {
        known = { ...known, ...change };
        return options.write?.() ?? Promise.resolve();
      },
    },
    ports: options.wanted === undefined ? {} : { partSize: options.wanted },
  } as unknown as ObjectSending;
  const cutter = createPartCutter(options.held ?? [], sending);
  const parts: Part[] = [];
  for (let part = await cutter.next(); part; part = await cutter.next()) {
    parts.push(part);
    cutter.learn(rate(part));
  }
  return { parts, known };
}

const sizesOf = (parts: readonly Part[]) => parts.map(({ start, end }) => (end - start) / MIB);

test('fast connections get parts of 32 MiB, from a number on that is on record', async () => {
  const { parts, known } = await cutAll(() => QUICK);
  assert.deepEqual(known.larger, { from: 9, partSize: 32 * MIB });
  assert.deepEqual(sizesOf(parts.slice(0, 10)), [8, 8, 8, 8, 8, 8, 8, 8, 32, 32]);
  assert.equal(parts.at(-1)?.end, 4096 * MIB);
  assert.deepEqual(
    parts.map(({ start }) => start),
    [0, ...parts.slice(0, -1).map(({ end }) => end)],
  );
});

test('slow connections, one slow part in every eight, and a size that was asked for keep their parts', async () => {
  const slow = await cutAll(() => SLOW);
  const mixed = await cutAll(({ number }) => (number % 8 === 0 ? SLOW : QUICK));
  const asked = await cutAll(() => QUICK, { wanted: 8 * MIB });
  for (const { parts, known } of [slow, mixed, asked]) {
    assert.equal(known.larger, undefined);
    assert.equal(parts.length, 512);
  }
});

test('a file that would end in few large parts keeps its small ones', async () => {
  const few = await cutAll(() => QUICK, { size: 575 * MIB });
  assert.equal(few.known.larger, undefined);
  const enough = await cutAll(() => QUICK, { size: 576 * MIB });
  assert.equal(enough.parts.length, 8 + 16);
});

test('parts that are larger already stay as they are', async () => {
  const { known } = await cutAll(() => QUICK, {
    size: 9_000_000 * MIB,
    known: { partSize: 900 * MIB },
  });
  assert.equal(known.larger, undefined);
});

test('what an earlier run cut is found again in the same places', async () => {
  const larger = { from: 5, partSize: 32 * MIB };
  const { parts, known } = await cutAll(() => QUICK, { known: { larger }, held: [1, 2, 6] });
  assert.deepEqual(parts.slice(0, 4), [
    { number: 3, start: 16 * MIB, end: 24 * MIB },
    { number: 4, start: 24 * MIB, end: 32 * MIB },
    { number: 5, start: 32 * MIB, end: 64 * MIB },
    { number: 7, start: 96 * MIB, end: 128 * MIB },
  ]);
  assert.deepEqual(known.larger, larger);
});

test('parts grow only behind all that an earlier run stored', async () => {
  const { known } = await cutAll(() => QUICK, { held: [3, 40] });
  assert.deepEqual(known.larger?.from, 42);
});

test('a larger part waits until its place is on record, and fails where it cannot be', async () => {
  const write = () => Promise.reject(new Error('no space'));
  await assert.rejects(
    cutAll(() => QUICK, { write }),
    /no space/,
  );
});
