import type { ApplyRequest, UploadedAs } from '../core/model.js';
import { digest } from './digest.js';

/** Shorter texts stand for themselves, which saves both time and space. */
const FINGERPRINT_LENGTH = 12;
/** Options that the manifest tells. */
const TOLD = ['mediaName', 'mediaType', 'procedure'] as const;

/** What the user asked for, in short. */
export function fingerprintsOf({
  expireTime,
  isExpiryRelative,
  ...request
}: ApplyRequest): Record<string, string> {
  const expiry = isExpiryRelative ? 'relative' : expiryOf(expireTime);
  return Object.fromEntries(
    Object.entries({ ...request, expireTime: expiry })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, fingerprintOf(String(value))]),
  );
}

/** In seconds, which are the same in each time zone. */
function expiryOf(time: string | undefined): string | number {
  return time === undefined ? 'never' : Date.parse(time) / 1000;
}

function fingerprintOf(text: string): string {
  return text.length < FINGERPRINT_LENGTH ? text : digest(text).slice(0, FINGERPRINT_LENGTH);
}

/**
 * Fingerprints, but of what the manifest tells the whole text: after an `=`, where it is too long to
 * stand for itself. Entries of older versions have only its fingerprint.
 */
export function keptOptions(request: ApplyRequest): Record<string, string> {
  const kept = fingerprintsOf(request);
  for (const name of TOLD) {
    const text = request[name];
    if (text !== undefined && text.length >= FINGERPRINT_LENGTH) kept[name] = `=${text}`;
  }
  return kept;
}

export function keptFingerprints(kept: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(kept).map(([name, text]) => [
      name,
      text.length > FINGERPRINT_LENGTH ? fingerprintOf(text.slice(1)) : text,
    ]),
  );
}

/** What was kept, in words; a fingerprint tells that much where `now` has the same. */
export function knownOptions(
  kept: Readonly<Record<string, string>>,
  now: ApplyRequest,
): UploadedAs {
  const known: { -readonly [Name in keyof UploadedAs]: UploadedAs[Name] } = {};
  for (const name of TOLD) {
    const text = kept[name];
    const asNow = now[name];
    if (text === undefined) continue;
    if (text.length < FINGERPRINT_LENGTH) known[name] = text;
    else if (text.length > FINGERPRINT_LENGTH) known[name] = text.slice(1);
    else if (asNow !== undefined && fingerprintOf(asNow) === text) known[name] = asNow;
  }
  return known;
}

/**
 * Names of the options that differ, sorted; one that has come or gone with its cover is the cover.
 * Entries of older versions say nothing of the expiry.
 */
export function changedOptions(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names]
    .filter((name) => before[name] !== now[name])
    .filter((name) => name !== 'expireTime' || before[name] !== undefined)
    .map((name) => (name === 'coverType' && !(before[name] && now[name]) ? 'cover' : name))
    .sort();
}
