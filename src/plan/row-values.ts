import type { Problem } from '../core/errors.js';
import { visible } from '../core/text.js';

/** What a row or record holds, by column. */
export type Values = Readonly<Record<string, unknown>>;

/** Of the arrays and objects of one value. */
const MAX_DEPTH = 100;

/** The members of an object; none of anything else. */
export function fieldsOf(value: unknown): Values {
  return typeof value === 'object' && value !== null ? (value as Values) : {};
}

export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/**
 * Whether a value can come back in the manifest as it was written: a number that JSON.parse has rounded
 * would be sent or come back as another one, and JSON.stringify fails on what is nested too deeply.
 */
export function isStorable(column: string, value: unknown, problems: Problem[]): boolean {
  if (isDeeper(value, MAX_DEPTH)) {
    problems.push({
      message: `${visible(column)} is nested more than ${MAX_DEPTH} levels deep`,
      hint: 'Write it as a text in quotes, or leave it out.',
    });
    return false;
  }
  if (isRounded(value)) {
    problems.push({
      message: `${visible(column)} holds a number that exceeds 2^53`,
      hint: 'Write it as a text in quotes.',
    });
    return false;
  }
  return true;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function isRounded(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return typeof value === 'object' && value !== null && Object.values(value).some(isRounded);
}
