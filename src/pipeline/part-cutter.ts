import type { Part } from '../core/model.js';
import { cut, MIB } from '../core/parts.js';
import type { ObjectSending } from './sending.js';

/** Cuts a file part by part, as connections become free, and larger parts where those are fast. */
export interface PartCutter {
  /** The next part that the bucket lacks; its place in the file is on record. */
  next(): Promise<Part | undefined>;
  /** A part was moved at `rate`, in bytes a millisecond. */
  learn(rate: number): void;
}

/**
 * After so many parts in a row that each moved faster than this, in bytes a millisecond, a part costs
 * much of its time by itself: larger ones are hardly a second's loss when the process dies.
 */
const QUICK = 80_000;
const QUICK_PARTS = 8;
const LARGER = 32 * MIB;
/** Of fewer than this the last would leave other connections without work. */
const FEWEST_LARGER = 16;

export function createPartCutter(
  held: readonly number[],
  { object: { key, file }, checkpoint, ports }: ObjectSending,
): PartCutter {
  const inBucket = new Set(held);
  const lastHeld = Math.max(0, ...held);
  const parts = cut(file.size, () => checkpoint.object(key));
  let last: Part = { number: 0, start: 0, end: 0 };
  let quickParts = 0;
  let onRecord: Promise<void> = Promise.resolve();

  function mayEnlarge(): boolean {
    const { partSize, larger } = checkpoint.object(key);
    return (
      // A size that was asked for stays.
      ports.partSize === undefined &&
      larger === undefined &&
      partSize < LARGER &&
      quickParts >= QUICK_PARTS &&
      last.number >= lastHeld &&
      file.size - last.end >= FEWEST_LARGER * LARGER
    );
  }

  return {
    async next() {
      for (let cutting = parts.next(); !cutting.done; cutting = parts.next()) {
        last = cutting.value;
        if (inBucket.has(last.number)) continue;
        const part = last;
        await onRecord;
        return part;
      }
      return undefined;
    },
    learn(rate) {
      quickParts = rate > QUICK ? quickParts + 1 : 0;
      if (!mayEnlarge()) return;
      const larger = { from: last.number + 1, partSize: LARGER };
      onRecord = checkpoint.update(key, { larger });
      // Whoever sends the next part fails by it.
      onRecord.catch(() => undefined);
    },
  };
}
