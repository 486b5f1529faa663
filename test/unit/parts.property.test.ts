import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cut,
  MAX_MEDIA_SIZE,
  MAX_PARTS,
  MAX_PART_SIZE,
  MIB,
  MIN_PART_SIZE,
  partSizeFor,
} from '../../src/core/parts.js';

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 64 * MIB }),
  fc.maxSafeInteger().map((n) => 1 + (Math.abs(n) % MAX_MEDIA_SIZE)),
  fc.constantFrom(1, MIB, 8 * MIB, 8 * MIB + 1, MAX_MEDIA_SIZE - 1, MAX_MEDIA_SIZE),
);
const wanted = fc.integer({ min: MIN_PART_SIZE, max: MAX_PART_SIZE });

test('a part size is within what COS takes, and no smaller than was asked for', () => {
  fc.assert(
    fc.property(sizes, wanted, (size, asked) => {
      const partSize = partSizeFor(size, asked);
      assert.ok(Number.isSafeInteger(partSize));
      assert.ok(partSize >= asked && partSize >= MIN_PART_SIZE && partSize <= MAX_PART_SIZE);
      assert.ok(Math.ceil(size / partSize) <= MAX_PARTS);
    }),
  );
});

test('a part is larger than was asked for only where 10,000 would not do', () => {
  fc.assert(
    fc.property(sizes, wanted, (size, asked) => {
      assert.equal(partSizeFor(size, asked) > asked, Math.ceil(size / asked) > MAX_PARTS);
    }),
  );
});

test('where no size is asked for a part is 8 MiB, and less where a file would have few of them', () => {
  const sizesInMib = [1, 8, 63, 64, 256, 300, 512, 4096, 70_000, 100_000];
  const partsInMib = sizesInMib.map((size) => partSizeFor(size * MIB) / MIB);
  assert.deepEqual(partsInMib, [8, 8, 8, 4, 4, 5, 8, 8, 8, 10]);
});

test('the parts of a file follow each other without gap or overlap and cover it exactly', () => {
  const smallEnough = sizes.map((size) => [size, partSizeFor(size)] as const);
  fc.assert(
    fc.property(smallEnough, fc.integer({ min: 1, max: 50 }), ([size, partSize], from) => {
      const larger = { from, partSize: partSize + 24 * MIB };
      let end = 0;
      let count = 0;
      for (const part of cut(size, () => ({ partSize, larger }))) {
        assert.equal(part.number, ++count);
        assert.equal(part.start, end);
        const wanted = part.number < larger.from ? partSize : larger.partSize;
        const isLast = part.end === size;
        assert.ok(isLast ? part.end - part.start <= wanted : part.end - part.start === wanted);
        assert.ok(part.end > part.start);
        end = part.end;
      }
      assert.equal(end, size);
      assert.ok(count <= MAX_PARTS);
    }),
    { numRuns: 40 },
  );
});
