import type { Part } from './model.js';

export const MIB = 1024 * 1024;
/** COS: parts are numbered 1 to 10,000. */
export const MAX_PARTS = 10_000;
/** COS: every part but the last holds at least 1 MiB. */
export const MIN_PART_SIZE = MIB;
/** COS: a part and a single PUT hold at most 5 GiB. */
export const MAX_PART_SIZE = 5 * 1024 * MIB;
export const DEFAULT_PART_SIZE = 8 * MIB;
/** VOD: 48.82 TB, which the documents also call 50,000 GB. */
export const MAX_MEDIA_SIZE = MAX_PARTS * MAX_PART_SIZE;

/** The part size for a file: the wanted one, or more where 10,000 parts would not do (whole MiB). */
export function partSizeFor(size: number, wanted: number = DEFAULT_PART_SIZE): number {
  const needed = Math.ceil(size / MAX_PARTS / MIB) * MIB;
  return Math.max(wanted, needed, MIN_PART_SIZE);
}

/** Cuts [0, size) into parts of `partSize`; the last one is what remains. */
export function* cut(size: number, partSize: number): Generator<Part> {
  for (let start = 0, number = 1; start < size; start += partSize, number++) {
    yield { number, start, end: Math.min(start + partSize, size) };
  }
}
