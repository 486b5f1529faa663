import type { ObjectCheckpoint, Part } from './model.js';

export const MIB = 1024 * 1024;
/** COS: parts are numbered 1 to 10,000. */
export const MAX_PARTS = 10_000;
/** COS: every part but the last holds at least 1 MiB. */
export const MIN_PART_SIZE = MIB;
/** COS: a part and a single PUT hold at most 5 GiB. */
export const MAX_PART_SIZE = 5 * 1024 * MIB;
export const DEFAULT_PART_SIZE = 8 * MIB;
/** From 8 default parts on a file is cut finer, into up to 64, so that it can use more connections. */
const FEW_PARTS = 8;
const MANY_PARTS = 64;
const FINE_PART_SIZE = 4 * MIB;
/** VOD: 48.82 TB, which the documents also call 50,000 GB. */
export const MAX_MEDIA_SIZE = MAX_PARTS * MAX_PART_SIZE;

/**
 * The part size for a file: the wanted one, or what suits its size where none is wanted; more where
 * 10,000 parts would not do (whole MiB).
 */
export function partSizeFor(size: number, wanted: number = suitable(size)): number {
  return Math.max(wanted, mibFor(size, MAX_PARTS), MIN_PART_SIZE);
}

function suitable(size: number): number {
  if (size < FEW_PARTS * DEFAULT_PART_SIZE) return DEFAULT_PART_SIZE;
  return Math.min(DEFAULT_PART_SIZE, Math.max(FINE_PART_SIZE, mibFor(size, MANY_PARTS)));
}

/** The least whole MiB that a part of `count` must have. */
function mibFor(size: number, count: number): number {
  return Math.ceil(size / count / MIB) * MIB;
}

/** How a file is cut: into parts of `partSize`, and larger ones from a number on. */
export type PartLayout = Pick<ObjectCheckpoint, 'partSize' | 'larger'>;

/** Cuts [0, size) into parts of the layout as it is when each is cut; the last one is what remains. */
export function* cut(size: number, layout: () => PartLayout): Generator<Part> {
  for (let start = 0, number = 1; start < size; number++) {
    const { partSize, larger } = layout();
    const wanted = larger && number >= larger.from ? larger.partSize : partSize;
    const end = Math.min(start + wanted, size);
    yield { number, start, end };
    start = end;
  }
}
