/**
 * CRC-64/XZ (reflected ECMA-182) as COS reports it, eight bytes a step, in pairs of 32-bit words.
 */
const POLY_HIGH = 0xc96c5795;
const POLY_LOW = 0xd7870f42;
const POLY = (BigInt(POLY_HIGH) << 32n) | BigInt(POLY_LOW);

/** Eight tables of 256 entries each: `table k, byte b` is at `k * 256 + b`. */
const HIGH = new Uint32Array(8 * 256);
const LOW = new Uint32Array(8 * 256);

for (let byte = 0; byte < 256; byte++) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit++) {
    const odd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (odd) {
      low ^= POLY_LOW;
      high ^= POLY_HIGH;
    }
  }
  HIGH[byte] = high;
  LOW[byte] = low;
}
for (let i = 256; i < 8 * 256; i++) {
  const high = at(HIGH, i - 256);
  const low = at(LOW, i - 256);
  HIGH[i] = (high >>> 8) ^ at(HIGH, low & 255);
  LOW[i] = ((low >>> 8) | (high << 24)) ^ at(LOW, low & 255);
}

function at(table: Uint32Array, index: number): number {
  return table[index] as number;
}

export interface Crc64 {
  update(bytes: Uint8Array): void;
  /** The checksum so far, as an unsigned decimal. */
  decimal(): string;
}

export function createCrc64(): Crc64 {
  let high = 0xffffffff;
  let low = 0xffffffff;

  function step(byte: number): void {
    const index = (low ^ byte) & 255;
    low = ((low >>> 8) | (high << 24)) ^ at(LOW, index);
    high = (high >>> 8) ^ at(HIGH, index);
  }

  return {
    update(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const whole = bytes.length & ~7;
      for (let i = 0; i < whole; i += 8) {
        const a = low ^ view.getUint32(i, true);
        const b = high ^ view.getUint32(i + 4, true);
        const i7 = 1792 + (a & 255);
        const i6 = 1536 + ((a >>> 8) & 255);
        const i5 = 1280 + ((a >>> 16) & 255);
        const i4 = 1024 + (a >>> 24);
        const i3 = 768 + (b & 255);
        const i2 = 512 + ((b >>> 8) & 255);
        const i1 = 256 + ((b >>> 16) & 255);
        const i0 = b >>> 24;
        high =
          at(HIGH, i7) ^
          at(HIGH, i6) ^
          at(HIGH, i5) ^
          at(HIGH, i4) ^
          at(HIGH, i3) ^
          at(HIGH, i2) ^
          at(HIGH, i1) ^
          at(HIGH, i0);
        low =
          at(LOW, i7) ^
          at(LOW, i6) ^
          at(LOW, i5) ^
          at(LOW, i4) ^
          at(LOW, i3) ^
          at(LOW, i2) ^
          at(LOW, i1) ^
          at(LOW, i0);
      }
      for (let i = whole; i < bytes.length; i++) step(view.getUint8(i));
    },
    decimal() {
      return ((BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0)).toString();
    },
  };
}

/** The checksum of pieces laid end to end, from theirs alone. */
export function joinCrc64(pieces: readonly { readonly crc64: string; readonly size: number }[]) {
  const shifts = new Map<number, bigint>();
  let joined = 0n;
  for (const piece of pieces) {
    let shift = shifts.get(piece.size);
    if (shift === undefined) {
      shift = powerOfX(8n * BigInt(piece.size));
      shifts.set(piece.size, shift);
    }
    joined = multiply(shift, joined) ^ BigInt(piece.crc64);
  }
  return joined.toString();
}

const ONE = 1n << 63n; // x^0: the reflected form keeps the constant term in the top bit
const X = 1n << 62n;

function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let rest = a; rest !== 0n; rest = (rest << 1n) & (2n * ONE - 1n)) {
    if (rest & ONE) product ^= b;
    b = b & 1n ? (b >> 1n) ^ POLY : b >> 1n;
  }
  return product;
}

function powerOfX(exponent: bigint): bigint {
  let power = ONE;
  for (let square = X; exponent !== 0n; exponent >>= 1n) {
    if (exponent & 1n) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}
