import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/core/duration.js';
import { formatSize, parseSize } from '../../src/core/size.js';

test('bytes written bare come back as they were', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      assert.equal(parseSize(String(bytes)), bytes);
      assert.equal(parseSize(`${bytes}B`), bytes);
    }),
  );
});

test('K, KiB and k are the same 1024; KB is 1000', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000 }), fc.constantFrom(1, 2, 3), (amount, power) => {
      const letter = ['', 'K', 'M', 'G'][power] as string;
      for (const unit of [letter, `${letter}iB`, letter.toLowerCase()]) {
        assert.equal(parseSize(`${amount}${unit}`), amount * 1024 ** power);
      }
      assert.equal(parseSize(`${amount}${letter}B`), amount * 1000 ** power);
    }),
  );
});

test('a size for people is within half of its last digit, and never has four digits before the point', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 53 - 1 }), (bytes) => {
      const shown = formatSize(bytes);
      const number = Number(shown.split(' ')[0]);
      const decimals = shown.split(' ')[0]?.split('.')[1]?.length ?? 0;
      const unit = parseSize(`1${shown.split(' ')[1]}`);
      assert.ok(Math.abs(number * unit - bytes) <= (unit / 10 ** decimals) * 0.500001, shown);
      if (bytes < 999 * 1024 ** 4) assert.ok(number < 1000, shown);
    }),
  );
});

test('whatever is no size is refused, never read as something else', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const isSize = /^\s*\d+(\.\d+)?\s*([kmgt]i?b?|b)?\s*$/i.test(text);
      if (isSize) return;
      assert.throws(() => parseSize(text), RangeError);
    }),
  );
});

test('the terms of a duration add up', () => {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const;
  const terms = fc.array(fc.nat({ max: 10_000 }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(terms, (amounts) => {
      const text = amounts.map((amount, index) => `${amount}${units[index]?.[0]}`).join('');
      const total = amounts.reduce((sum, amount, at) => sum + amount * (units[at]?.[1] ?? 0), 0);
      assert.equal(parseDuration(text), total);
    }),
  );
});

test('whatever is no duration is refused', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (/^\s*(0|(\d+(\.\d+)?(ms|s|m|h|d))+)\s*$/i.test(text)) return;
      assert.throws(() => parseDuration(text), RangeError);
    }),
  );
});

test('a duration for people says the same time to two units', () => {
  fc.assert(
    fc.property(fc.nat({ max: 90 * 86_400_000 }), (ms) => {
      const back = parseDuration(formatDuration(ms));
      const precision = ms < 9_950 ? 51 : ms < 3_600_000 ? 1000 : ms < 172_800_000 ? 60_000 : 3.6e6;
      assert.ok(Math.abs(back - ms) <= precision, `${ms}: ${formatDuration(ms)}`);
    }),
  );
});
