import { parseSize } from './size.js';

/** A rate limit by the time of day. */
export interface RateTimetable {
  /** As it was written. */
  readonly text: string;
  /** Bytes a second; undefined where there is no limit. */
  rateAt(time: Date): number | undefined;
}

interface Entry {
  readonly fromMinute: number;
  readonly rate: number | undefined;
}

/**
 * `10M`, `off`, or `08:00,10M 19:00,off`: each entry holds from its time, local, to the next one's.
 * Throws RangeError on anything else.
 */
export function parseRateTimetable(text: string): RateTimetable {
  const words = text.trim().split(/\s+/);
  if (words.length === 1 && !text.includes(',')) {
    const rate = parseRate(text.trim());
    return { text, rateAt: () => rate };
  }
  const entries = words.map(parseEntry).sort((a, b) => a.fromMinute - b.fromMinute);
  return {
    text,
    rateAt(time) {
      const minute = time.getHours() * 60 + time.getMinutes();
      const current = entries.findLast((entry) => entry.fromMinute <= minute) ?? entries.at(-1);
      return current?.rate;
    },
  };
}

function parseEntry(word: string): Entry {
  const match = /^(\d\d?):(\d\d),(\S+)$/.exec(word);
  const [hour, minute] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || hour > 23 || minute > 59) {
    throw new RangeError(
      `"${word}" is no entry of a timetable: write it as 08:00,10M or 19:00,off`,
    );
  }
  return { fromMinute: hour * 60 + minute, rate: parseRate(match[3] as string) };
}

function parseRate(text: string): number | undefined {
  if (text === 'off') return undefined;
  const rate = parseSize(text.replace(/\/s$/, ''));
  if (rate < 1024) throw new RangeError(`"${text}" is too slow: the least rate is 1K`);
  return rate;
}
