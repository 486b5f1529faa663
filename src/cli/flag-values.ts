import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../core/duration.js';
import { usageError } from '../core/errors.js';
import { MAX_PART_SIZE, MIN_PART_SIZE } from '../core/parts.js';
import { parseRateTimetable } from '../core/rate-timetable.js';
import { parseSize } from '../core/size.js';
import { SETTINGS } from './profile-settings.js';

/** The longest that a timer can wait, in whole days. */
const MAX_TIMER_MS = 24 * 86_400_000;

/** The values of a flag that may be given more than once. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

/** Turns a parser that throws RangeError into one that commander reports. */
function checked<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}

/** A file, a directory, a name or a text: empty it would be the current directory, or mean something else. */
export const named = checked((text) => {
  if (text === '') throw new RangeError('it is empty: check the variable that it comes from');
  return text;
});

/** The same, of a flag that may be given more than once. */
export function collectNamed(value: string, previous: readonly string[]): string[] {
  return collect(named(value), previous);
}

/** The same, of a flag that can be given only once: what the first one named would be left out in silence. */
export function namedOnce(value: string, previous: string | undefined): string {
  if (previous === undefined) return named(value);
  throw new InvalidArgumentError('the flag is given twice: put all that it shall name into one');
}

/** Milliseconds, as everywhere below. */
export const duration = checked(parseDuration);

/** From `least` to what a single timer can wait. */
function durationFrom(least: string): (text: string) => number {
  return checked((text) => {
    const ms = parseDuration(text);
    if (ms < parseDuration(least) || ms > MAX_TIMER_MS) {
      throw new RangeError(`it must be from ${least} to 24d`);
    }
    return ms;
  });
}

/** A time-out: shorter ones would end what is in order. */
export const timeout = durationFrom('100ms');

export const timerDuration = durationFrom('1ms');

/** Bytes. */
export const partSize = checked((text) => {
  const bytes = parseSize(text);
  if (bytes < MIN_PART_SIZE || bytes > MAX_PART_SIZE) {
    throw new RangeError('COS takes parts from 1MiB to 5GiB');
  }
  return bytes;
});

/** Bytes a second, by the time of day. */
export const rateTimetable = checked(parseRateTimetable);

/** `auto`, or what `parse` takes. */
export function autoOr<T>(parse: (text: string) => T): (text: string) => T | 'auto' {
  return (text) => (text === 'auto' ? text : parse(text));
}

/** A whole number, 0 included. */
export const natural = checked((text) => {
  if (!/^\d{1,15}$/.test(text)) throw new RangeError('it must be a whole number');
  return Number(text);
});

/** Calls a second. */
export const rate = checked((text) => {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0)
    throw new RangeError('it must be a number above 0');
  return value;
});

/** A whole number from `least` to `most`. */
export function between(least: number, most: number): (text: string) => number {
  return checked((text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new RangeError(`it must be a whole number from ${least} to ${most}`);
    }
    return value;
  });
}

/** What a profile may hold as well, by the same rule. */
function setting(field: 'region' | 'vodHost'): (text: string) => string {
  const { pattern, rule } = SETTINGS[field];
  return checked((text) => {
    if (!pattern.test(named(text))) throw new RangeError(`it must be ${rule}`);
    return text;
  });
}

export const region = setting('region');

/** In lower case. */
export const hostName = (text: string): string => setting('vodHost')(text.toLowerCase());

/** The address of a proxy. Throws UsageError, which shows nothing of it, where a user stands before the host. */
export function proxyAddress(text: string): string {
  if (!text.includes('@')) return text;
  throw usageError(
    '--proxy takes no user and password, which every process of this machine could read',
    'Leave --proxy out and set HTTPS_PROXY to http://user:password@host:port.',
  );
}

/** Scheme, host and port. */
export const origin = checked((text) => {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new RangeError('it must be an origin such as http://127.0.0.1:9000');
  }
  const isOrigin =
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.pathname === '/' &&
    url.search === '' &&
    url.username === '';
  if (!isOrigin) throw new RangeError('it must be an origin such as http://127.0.0.1:9000');
  return url;
});
