import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { combineCrc64, createCrc64 } from '../../src/cos/crc64.js';

function crc64Of(...chunks: readonly Uint8Array[]): bigint {
  const crc64 = createCrc64();
  for (const chunk of chunks) crc64.update(chunk);
  return crc64.digest();
}

const bytes = fc.uint8Array({ maxLength: 3000 });

test('a CRC-64 does not depend on how the bytes were cut', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (chunks) => {
      assert.equal(crc64Of(...chunks), crc64Of(Buffer.concat(chunks)));
    }),
  );
});

test('the CRC-64 of parts combine to that of the whole, in any grouping', () => {
  fc.assert(
    fc.property(bytes, bytes, bytes, (a, b, c) => {
      const whole = crc64Of(a, b, c);
      const [x, y, z] = [crc64Of(a), crc64Of(b), crc64Of(c)];
      assert.equal(combineCrc64(combineCrc64(x, y, b.length), z, c.length), whole);
      assert.equal(combineCrc64(x, combineCrc64(y, z, c.length), b.length + c.length), whole);
    }),
  );
});

test('combining with zeros of any length, terabytes too, is what appending them would be', () => {
  fc.assert(
    fc.property(bytes, fc.nat(48_000_000_000_000), fc.nat(48_000_000_000_000), (a, m, n) => {
      const zerosOf = (length: number): bigint => combineCrc64(0n, crcOfZeros(length), length);
      const one = combineCrc64(combineCrc64(crc64Of(a), zerosOf(m), m), zerosOf(n), n);
      assert.equal(one, combineCrc64(crc64Of(a), zerosOf(m + n), m + n));
    }),
    { numRuns: 30 },
  );
});

/** By doubling. */
function crcOfZeros(length: number): bigint {
  let result = 0n;
  let power = crc64Of(new Uint8Array(1));
  let size = 1;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = combineCrc64(result, power, size);
    power = combineCrc64(power, power, size);
    size *= 2;
  }
  return result;
}
