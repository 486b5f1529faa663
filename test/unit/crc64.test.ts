import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { allocateChunk } from '../../src/cos/chunk-memory.js';
import { combineCrc64, createCrc64 } from '../../src/cos/crc64.js';
import { importable, runWithFewDescriptors } from '../helpers/few-descriptors.js';

/** The definition, a bit at a time. */
function slowCrc64(bytes: Uint8Array): bigint {
  let state = 0xffff_ffff_ffff_ffffn;
  for (const byte of bytes) {
    state ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) {
      state = state & 1n ? (state >> 1n) ^ 0xc96c_5795_d787_0f42n : state >> 1n;
    }
  }
  return state ^ 0xffff_ffff_ffff_ffffn;
}

function crc64(...chunks: readonly Uint8Array[]): bigint {
  const growing = createCrc64();
  for (const chunk of chunks) growing.update(chunk);
  return growing.digest();
}

/** Bytes that differ from seed to seed and cost nothing to make. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}

const anyNoise = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.tuple(fc.nat(maxLength), fc.integer()).map(([length, seed]) => noise(length, seed));

test('the fast checksum of any bytes is that of the definition', () => {
  fc.assert(
    fc.property(anyNoise(9000), (bytes) => assert.equal(crc64(bytes), slowCrc64(bytes))),
    { numRuns: 40 },
  );
});

test('lengths around the limits of the fast paths are no exception', () => {
  for (const length of [
    7, 8, 9, 4095, 4096, 4097, 4111, 4112, 5504, 5519, 17_807, 17_808, 17_809, 17_824,
  ]) {
    const bytes = noise(length, length);
    assert.equal(crc64(bytes), slowCrc64(bytes), `${length} bytes`);
  }
});

test('a chunk is read where it lies, at any offset and length, and stays as it is', () => {
  const chunk = allocateChunk(100_000);
  const bytes = noise(chunk.length, 3);
  chunk.set(bytes);
  fc.assert(
    fc.property(fc.nat(300), fc.nat(40_000), (start, length) => {
      const copied = crc64(bytes.subarray(start, start + length));
      assert.equal(crc64(chunk.subarray(start, start + length)), copied);
    }),
    { numRuns: 60 },
  );
  assert.deepEqual(new Uint8Array(chunk), bytes);
});

test('where the memory for chunks is used up they are found elsewhere', () => {
  const chunks = Array.from({ length: 80 }, () => allocateChunk(512 * 1024));
  const [first, last] = [chunks[0] as Buffer, chunks.at(-1) as Buffer];
  assert.notEqual(first.buffer, last.buffer);
  const bytes = noise(last.length, 5);
  last.set(bytes);
  assert.equal(crc64(last), crc64(bytes));
});

test('how bytes are cut into chunks does not change their checksum', () => {
  const bytes = noise(700_001, 7);
  const whole = crc64(bytes);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 6 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
      assert.equal(crc64(...chunks), whole);
    }),
    { numRuns: 30 },
  );
});

test('checksums that grow side by side do not disturb each other', () => {
  const [one, other] = [noise(50_000, 1), noise(50_000, 2)];
  const [a, b] = [createCrc64(), createCrc64()];
  for (let at = 0; at < 50_000; at += 10_000) {
    a.update(one.subarray(at, at + 10_000));
    b.update(other.subarray(at, at + 10_000));
  }
  assert.deepEqual([a.digest(), b.digest()], [crc64(one), crc64(other)]);
});

test('checksums of two messages combine to that of both, joined', () => {
  fc.assert(
    fc.property(anyNoise(20_000), anyNoise(20_000), (first, second) => {
      const joined = combineCrc64(crc64(first), crc64(second), second.length);
      assert.equal(joined, crc64(first, second));
    }),
    { numRuns: 100 },
  );
});

test('combining is associative for objects larger than 4 GiB', () => {
  const length = 5 * 2 ** 40 + 12_345;
  const [a, b, c] = [0x1234_5678_9abc_def0n, 0xfedc_ba98_7654_3210n, 0x0f1e_2d3c_4b5a_6978n];
  assert.equal(
    combineCrc64(combineCrc64(a, b, length), c, 3 * length),
    combineCrc64(a, combineCrc64(b, c, 3 * length), 4 * length),
  );
});

test('the first CRC-64 needs no descriptor', () => {
  const told = runWithFewDescriptors(`
    const { createCrc64 } = await import(${importable('src/cos/crc64')});
    takeAll();
    const crc64 = createCrc64();
    crc64.update(Buffer.from('123456789'));
    console.log(crc64.digest().toString(16));`);
  assert.deepEqual(told, ['995dc9bbdf1939fa']);
});
