import type { ApplyRequest } from '../core/model.js';
import { digest } from './digest.js';

/** Shorter texts stand for themselves, which saves both time and space. */
const FINGERPRINT_LENGTH = 12;
/** Options that the manifest tells. */
const TOLD = ['mediaName', 'mediaType', 'procedure'] as const;

type Told = Partial<Pick<ApplyRequest, (typeof TOLD)[number]>>;

/** What the user asked for, as it is kept and compared: what the manifest tells in words, all else in short. */
export function keptOptions({
  expireTime,
  isExpiryRelative,
  ...request
}: ApplyRequest): Record<string, string> {
  const expiry = isExpiryRelative ? 'relative' : expiryOf(expireTime);
  const shortened = Object.entries({ ...request, expireTime: expiry })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, fingerprintOf(String(value))]);
  return { ...Object.fromEntries(shortened), ...toldOptions(request) };
}

/** In seconds, which are the same in each time zone. */
function expiryOf(time: string | undefined): string | number {
  return time === undefined ? 'never' : Date.parse(time) / 1000;
}

function fingerprintOf(text: string): string {
  return text.length < FINGERPRINT_LENGTH ? text : digest(text).slice(0, FINGERPRINT_LENGTH);
}

/** What was kept in words. */
export function toldOptions(options: Told): Told {
  const told = TOLD.map((name) => [name, options[name]]).filter(([, text]) => text !== undefined);
  return Object.fromEntries(told) as Told;
}

/** Names of the options that differ, sorted; one that has come or gone with its cover is the cover. */
export function changedOptions(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names]
    .filter((name) => before[name] !== now[name])
    .map((name) => (name === 'coverType' && !(before[name] && now[name]) ? 'cover' : name))
    .sort();
}
