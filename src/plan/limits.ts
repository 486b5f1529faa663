import { parseDuration } from '../core/duration.js';
import type { Problem } from '../core/errors.js';
import { REGION } from '../core/region.js';
import { visible } from '../core/text.js';
import { isImageType, isMediaType } from './media-types.js';
import { emptyStep, KNOWN_FIELDS, unknownFields } from './templates.js';

/** What the user wants the media to become, as the flags give it. */
export interface MediaOptions {
  readonly procedure?: string;
  readonly storageRegion?: string;
  readonly subAppId?: number;
  readonly classId?: number;
  /** Template. */
  readonly name?: string;
  /** Template. */
  readonly storagePath?: string;
  /** ISO 8601, or a duration from now. Checked, it is a time, and the next field says which it was. */
  readonly expireTime?: string;
  readonly isExpiryRelative?: boolean;
  readonly sourceContext?: string;
  readonly sessionContext?: string;
  readonly extInfo?: string;
  readonly mediaType?: string;
  readonly coverType?: string;
}

const MAX_SOURCE_CONTEXT = 250;
const MAX_SESSION_CONTEXT = 1000;
/** The form that the API documents: YYYY-MM-DDThh:mm:ss(Z|±hh:mm). */
const API_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/;
const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** What people call a field. */
type Label = (field: keyof MediaOptions) => string;

/** `subAppId` as `--sub-app-id`. */
export const flagOf = (option: string): string =>
  `--${option.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;

/** Checks the flags: the fields and their templates; returns them as the API wants them. */
export function checkMediaOptions(
  options: MediaOptions,
  now: Date,
  problems: Problem[],
  warn: (message: string) => void,
): MediaOptions {
  if (options.sessionContext !== undefined && options.procedure === undefined) {
    warn('--session-context has no effect without --procedure');
  }
  checkTemplate(flagOf('name'), options.name, problems);
  checkTemplate(flagOf('storagePath'), options.storagePath, problems);
  return checkFields(options, flagOf, now, problems);
}

/** Checks the fields against the API's documented limits; returns them as the API wants them. */
export function checkFields(
  options: MediaOptions,
  labelOf: Label,
  now: Date,
  problems: Problem[],
): MediaOptions {
  checkId(labelOf('subAppId'), options.subAppId, 1, problems);
  checkId(labelOf('classId'), options.classId, 0, problems);
  checkLength(labelOf('sourceContext'), options.sourceContext, MAX_SOURCE_CONTEXT, problems);
  checkLength(labelOf('sessionContext'), options.sessionContext, MAX_SESSION_CONTEXT, problems);
  if (options.storageRegion !== undefined && !REGION.pattern.test(options.storageRegion)) {
    problems.push({
      message: `${labelOf('storageRegion')} ${visible(options.storageRegion)} is not ${REGION.rule}`,
      hint: `Correct ${labelOf('storageRegion')}, or leave it out.`,
    });
  }
  checkStoragePath(labelOf('storagePath'), options.storagePath, problems);
  const expireTime = readExpireTime(labelOf('expireTime'), options.expireTime, now, problems);
  const isAnyType = (type: string): boolean => isMediaType(type) || isImageType(type);
  const mediaType = readType(labelOf('mediaType'), options.mediaType, isAnyType, problems);
  const coverType = readType(labelOf('coverType'), options.coverType, isImageType, problems);
  return {
    ...options,
    ...expireTime,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(coverType === undefined ? {} : { coverType }),
  };
}

function checkId(label: string, id: number | undefined, least: number, problems: Problem[]): void {
  if (id === undefined || (Number.isSafeInteger(id) && id >= least)) return;
  problems.push({
    message: `${label} ${id} is not a whole number from ${least}`,
    hint: `Copy the number for ${label} from the console.`,
  });
}

function checkLength(
  label: string,
  text: string | undefined,
  most: number,
  problems: Problem[],
): void {
  if (text === undefined) return;
  const characters = [...text].length;
  const bytes = Buffer.byteLength(text);
  if (characters <= most && bytes <= most) return;
  problems.push({
    message: `${label} has ${characters} characters (${bytes} bytes in UTF-8); VOD takes ${most}`,
    hint: `Shorten ${label} to ${most} bytes.`,
  });
}

function checkStoragePath(label: string, path: string | undefined, problems: Problem[]): void {
  if (path === undefined) return;
  const shown = `${label} ${visible(path)}`;
  if (!path.startsWith('/')) {
    problems.push({
      message: `${shown} does not begin with /`,
      hint: 'Write it from the root of the storage, with / first.',
    });
    return;
  }
  const step = emptyStep(path);
  if (step === undefined) return;
  problems.push({
    message: `${shown} has ${step === '' ? 'nothing behind a slash' : `the step ${step}`}`,
    hint: 'Write a name behind every slash, of which the last is that of the media.',
  });
}

function checkTemplate(label: string, template: string | undefined, problems: Problem[]): void {
  if (template === undefined) return;
  for (const field of unknownFields(template)) {
    problems.push({
      message: `${label} contains ${visible(field)}, which is not known`,
      hint: `Use ${KNOWN_FIELDS}.`,
    });
  }
  if (template.trim() === '') {
    problems.push({ message: `${label} is empty`, hint: `Use a text with ${KNOWN_FIELDS}.` });
  }
}

function readExpireTime(
  label: string,
  text: string | undefined,
  now: Date,
  problems: Problem[],
): Pick<MediaOptions, 'expireTime' | 'isExpiryRelative'> {
  if (text === undefined) return {};
  const at = parseTime(text, now);
  const shown = visible(text);
  if (at === undefined) {
    problems.push({
      message: `${label} ${shown} is neither a time nor a duration`,
      hint: 'Write it as 2030-01-31T00:00:00Z, 2030-01-31T08:00:00+08:00 or 30d.',
    });
  } else if (at.getTime() <= now.getTime()) {
    problems.push({
      message: `${label} ${shown} is in the past`,
      hint: 'Name a time that is still to come.',
    });
  } else {
    const expireTime = API_TIME.test(text) ? text : `${at.toISOString().slice(0, 19)}Z`;
    return { expireTime, isExpiryRelative: !ISO_TIME.test(text) };
  }
  return {};
}

function parseTime(text: string, now: Date): Date | undefined {
  const day = ISO_TIME.exec(text)?.[1];
  if (day !== undefined) {
    const at = new Date(text);
    // Date takes February 30 for March 2.
    const isRealDay = new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day) === true;
    return Number.isNaN(at.getTime()) || !isRealDay ? undefined : at;
  }
  try {
    const at = new Date(now.getTime() + parseDuration(text));
    return Number.isNaN(at.getTime()) || at.getUTCFullYear() > 9999 ? undefined : at;
  } catch {
    return undefined;
  }
}

function readType(
  label: string,
  type: string | undefined,
  isAccepted: (type: string) => boolean,
  problems: Problem[],
): string | undefined {
  if (type === undefined) return undefined;
  const bare = type.replace(/^\./, '').toLowerCase();
  if (isAccepted(bare)) return bare;
  const [what, example] = isAccepted('mp4') ? ['media', 'mp4'] : ['covers', 'jpg'];
  problems.push({
    message: `VOD does not accept ${what} of the type ${visible(type)} (${label})`,
    hint: `Write a type that VOD accepts, as in ${example}, or none.`,
  });
  return undefined;
}
