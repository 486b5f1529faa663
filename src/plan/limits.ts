import { parseDuration } from '../core/duration.js';
import type { Problem } from '../core/errors.js';
import { visible } from '../core/text.js';
import { KNOWN_FIELDS, unknownFields } from './templates.js';

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
  /** ISO 8601, or a duration from now. */
  readonly expireTime?: string;
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

/** Checks the fields against the API's documented limits; returns them as the API wants them. */
export function checkMediaOptions(
  options: MediaOptions,
  now: Date,
  problems: Problem[],
  warn: (message: string) => void,
): MediaOptions {
  checkId('--sub-app-id', options.subAppId, 1, problems);
  checkId('--class-id', options.classId, 0, problems);
  checkLength('--source-context', options.sourceContext, MAX_SOURCE_CONTEXT, problems);
  checkLength('--session-context', options.sessionContext, MAX_SESSION_CONTEXT, problems);
  if (options.sessionContext !== undefined && options.procedure === undefined) {
    warn('--session-context has no effect without --procedure');
  }
  checkTemplate('--name', options.name, problems);
  checkTemplate('--storage-path', options.storagePath, problems);
  if (options.storagePath !== undefined && !options.storagePath.startsWith('/')) {
    problems.push({
      message: `--storage-path ${visible(options.storagePath)} does not begin with /`,
      hint: 'Write it from the root of the storage, as in /{date}/{name}.',
    });
  }
  const expireTime = readExpireTime(options.expireTime, now, problems);
  const mediaType = readType('--media-type', options.mediaType, problems);
  const coverType = readType('--cover-type', options.coverType, problems);
  return {
    ...options,
    ...(expireTime === undefined ? {} : { expireTime }),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(coverType === undefined ? {} : { coverType }),
  };
}

function checkId(flag: string, id: number | undefined, least: number, problems: Problem[]): void {
  if (id === undefined || (Number.isSafeInteger(id) && id >= least)) return;
  problems.push({
    message: `${flag} ${id} is not a whole number from ${least}`,
    hint: `Copy the number for ${flag} from the console.`,
  });
}

function checkLength(
  flag: string,
  text: string | undefined,
  most: number,
  problems: Problem[],
): void {
  if (text === undefined) return;
  const characters = [...text].length;
  const bytes = Buffer.byteLength(text);
  if (characters <= most && bytes <= most) return;
  problems.push({
    message: `${flag} has ${characters} characters (${bytes} bytes in UTF-8); VOD takes ${most}`,
    hint: `Shorten ${flag} to ${most} bytes.`,
  });
}

function checkTemplate(flag: string, template: string | undefined, problems: Problem[]): void {
  if (template === undefined) return;
  for (const field of unknownFields(template)) {
    problems.push({
      message: `${flag} contains ${visible(field)}, which is not known`,
      hint: `Use ${KNOWN_FIELDS}.`,
    });
  }
  if (template.trim() === '') {
    problems.push({ message: `${flag} is empty`, hint: `Use a text with ${KNOWN_FIELDS}.` });
  }
}

function readExpireTime(
  text: string | undefined,
  now: Date,
  problems: Problem[],
): string | undefined {
  if (text === undefined) return undefined;
  const at = parseTime(text, now);
  const shown = visible(text);
  if (at === undefined) {
    problems.push({
      message: `--expire-time ${shown} is neither a time nor a duration`,
      hint: 'Write it as 2030-01-31T00:00:00Z, 2030-01-31T08:00:00+08:00 or 30d.',
    });
  } else if (at.getTime() <= now.getTime()) {
    problems.push({
      message: `--expire-time ${shown} is in the past`,
      hint: 'Name a time that is still to come.',
    });
  } else {
    return API_TIME.test(text) ? text : `${at.toISOString().slice(0, 19)}Z`;
  }
  return undefined;
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

function readType(flag: string, type: string | undefined, problems: Problem[]): string | undefined {
  if (type === undefined) return undefined;
  const bare = type.replace(/^\./, '').toLowerCase();
  if (/^[a-z0-9]{1,16}$/.test(bare)) return bare;
  problems.push({
    message: `${flag} ${visible(type)} is not a type`,
    hint: 'Write it like an extension without its dot, as in mp4.',
  });
  return undefined;
}
