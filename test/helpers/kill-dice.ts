import { createCipheriv, createHash } from 'node:crypto';

/** Chance that can be repeated: the same seed gives the same throws. */
export interface Dice {
  /** A number in [0, 1). */
  fraction(): number;
  /** A whole number in [least, most]. */
  whole(least: number, most: number): number;
  pick<T>(choices: readonly T[]): T;
  bytes(size: number): Buffer;
}

export function createDice(seed: number | string): Dice {
  const digest = createHash('sha256').update(String(seed)).digest();
  const stream = createCipheriv('aes-128-ctr', digest.subarray(0, 16), digest.subarray(16));
  const bytes = (size: number): Buffer => stream.update(Buffer.alloc(size));
  const fraction = (): number => bytes(4).readUInt32BE() / 2 ** 32;
  const whole = (least: number, most: number): number =>
    least + Math.floor(fraction() * (most - least + 1));
  return {
    fraction,
    whole,
    pick: (choices) => choices[whole(0, choices.length - 1)] as (typeof choices)[number],
    bytes,
  };
}
