import type { Problem } from '../core/errors.js';
import { visible } from '../core/text.js';

/** More names than these take minutes and gigabytes before the first file is looked at. */
const MAX_NAMES = 10_000;
const MAX_LENGTH = 10_000;
const SHOWN_LENGTH = 60;

/** What is wrong with a pattern, found without expanding it. */
export function problemWithPattern(pattern: string): Problem | undefined {
  const reason =
    pattern.length > MAX_LENGTH
      ? `it is longer than ${MAX_LENGTH} characters`
      : countNames(pattern) > MAX_NAMES
        ? `its braces stand for more than ${MAX_NAMES} names`
        : undefined;
  return reason === undefined
    ? undefined
    : unusablePattern(pattern, reason, 'Use * in the place of braces, or several patterns.');
}

/** What is told of a pattern that the libraries for patterns throw on. */
export function unreadablePattern(pattern: string): Problem {
  const hint = 'Close its brackets and braces, or write \\ before those that stand for themselves.';
  return unusablePattern(pattern, 'it makes no sense', hint);
}

function unusablePattern(pattern: string, reason: string, hint: string): Problem {
  return { message: `cannot use the pattern ${visible(pattern, SHOWN_LENGTH)}: ${reason}`, hint };
}

/** What is counted within a pair of braces, or outside of all. */
interface Level {
  /** The names of the alternatives before the last comma, added: what counts once the brace is closed. */
  readonly sum: number;
  /** The same, multiplied: a brace that is never closed stands for itself. */
  readonly all: number;
  /** The names of what comes after the last comma. */
  readonly product: number;
}

const SINGLE: Level = { sum: 0, all: 1, product: 1 };
const TOKENS = /\\.|\{([^{},.\\]+)\.\.([^{},.\\]+)(?:\.\.([^{},.\\]+))?\}|[{},]/gs;

/** How many names the braces of a pattern stand for, at most. */
function countNames(pattern: string): number {
  const outer: Level[] = [];
  let level = SINGLE;
  for (const [token, from, to, step] of pattern.matchAll(TOKENS)) {
    const { sum, all, product } = level;
    if (from !== undefined && to !== undefined) {
      level = { ...level, product: product * countRange(from, to, step) };
    } else if (token === '{') {
      outer.push(level);
      level = SINGLE;
    } else if (token === ',') {
      level = { sum: sum + product, all: all * product, product: 1 };
    } else if (token === '}') {
      const around = outer.pop();
      if (around !== undefined) level = { ...around, product: around.product * (sum + product) };
    }
  }
  return [...outer, level].reduce((count, { all, product }) => count * all * product, 1);
}

/** `{1..9}`, `{9..1}`, `{1..9..2}`, `{a..e}`. */
function countRange(from: string, to: string, step?: string): number {
  const numbers = Math.abs(Number(from) - Number(to));
  const distance = Number.isFinite(numbers)
    ? numbers
    : Math.abs(from.charCodeAt(0) - to.charCodeAt(0));
  return Math.floor(distance / Math.max(1, Math.abs(Number(step)) || 1)) + 1;
}
