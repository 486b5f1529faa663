import { visible } from '../core/text.js';
import { flagOf } from '../plan/limits.js';
import type { UploadFlags } from './upload-options.js';

/** What decides where media go and what they become. */
const OPTIONS = [
  'subAppId',
  'classId',
  'storageRegion',
  'procedure',
  'name',
  'storagePath',
  'expireTime',
  'sourceContext',
  'sessionContext',
  'extInfo',
  'mediaType',
  'coverType',
  'covers',
  'cover',
  'coverDir',
  'coverFailure',
  'images',
  'vodHost',
] as const satisfies readonly (keyof UploadFlags)[];

const DEFAULTS: Partial<UploadFlags> = { coverFailure: 'fail', images: 'skip' };

type Options = Readonly<Record<string, unknown>>;

/**
 * Warns of the options of the run whose manifest is the job list that this run has otherwise, unless
 * flags say so. Both as `shownOptions` tells them.
 */
export function warnOfForgotten(
  earlier: Options,
  own: Options,
  flags: UploadFlags,
  warn: (message: string) => void,
): void {
  const forgotten = OPTIONS.flatMap((option) => {
    const value = earlier[option];
    const isFlagged = flags[option] !== undefined && flags[option] !== DEFAULTS[option];
    const isKnown = typeof value === 'string' || typeof value === 'number';
    return isFlagged || !isKnown || value === own[option] ? [] : [asFlag(option, String(value))];
  });
  if (forgotten.length === 0) return;
  const list = flags.jobs === '-' ? 'standard input' : visible(flags.jobs ?? '');
  warn(`${list}: its run had ${forgotten.join(', ')}: repeat what still holds`);
}

function asFlag(option: string, value: string): string {
  const shown = visible(/[\s"]/.test(value) ? JSON.stringify(value) : value);
  return `${flagOf(option)} ${shown}`;
}
