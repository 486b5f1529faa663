import type { Job, SourceFile } from './model.js';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  K: 2 ** 10,
  KIB: 2 ** 10,
  KB: 1e3,
  M: 2 ** 20,
  MIB: 2 ** 20,
  MB: 1e6,
  G: 2 ** 30,
  GIB: 2 ** 30,
  GB: 1e9,
  T: 2 ** 40,
  TIB: 2 ** 40,
  TB: 1e12,
};

/** Bytes from `8M = 8MiB = 8·2^20`, `8MB = 8·10^6`, bare = bytes. Throws RangeError on anything else. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = UNITS[match?.[2]?.toUpperCase() ?? '?'];
  if (!match || unit === undefined) {
    throw new RangeError(`"${text}" is not a size: write it as 8M, 8MiB, 8MB or bytes`);
  }
  const bytes = Math.round(Number(match[1]) * unit);
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`"${text}" is too large for a size`);
  return bytes;
}

/** Bytes for people: three digits and a binary unit. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** Every file of a job: its media, cover and segments. */
export function filesOf({ media, cover, segments }: Job): readonly SourceFile[] {
  return [media, ...(cover ? [cover] : []), ...segments];
}

/** The bytes of a job: of the media and, of a playlist, its segments. Covers do not count. */
export function jobSize({ media, segments }: Job): number {
  return segments.reduce((sum, segment) => sum + segment.size, media.size);
}

/** The bytes of all files of a job: covers count. */
export function wholeSize(job: Job): number {
  return filesOf(job).reduce((sum, { size }) => sum + size, 0);
}
