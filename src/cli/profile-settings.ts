import { usageError } from '../core/errors.js';
import { REGION } from '../core/region.js';
import { nearest } from './nearest.js';

/** What a profile holds, as it is stored. */
export interface Profile {
  readonly secretId?: string;
  readonly secretKey?: string;
  readonly token?: string;
  readonly region?: string;
  readonly subAppId?: number;
  readonly storageRegion?: string;
  readonly procedure?: string;
  readonly classId?: number;
  readonly vodHost?: string;
}

export type ProfileField = keyof Profile;

/** A profile without its keys. */
export type ProfileSettings = Omit<Profile, 'secretId' | 'secretKey' | 'token'>;

interface Setting {
  /** As people write it on the command line. */
  readonly key: string;
  readonly pattern: RegExp;
  /** What the pattern asks for, to follow "must be". */
  readonly rule: string;
  readonly type: 'text' | 'integer';
  /** `hidden`: never shown and never taken from argv; `masked`: its end is shown. */
  readonly secrecy?: 'hidden' | 'masked';
}

// No key holds quotes or white space; where one does, it was pasted with them.
const KEY_TEXT = {
  pattern: /^[\x21\x23-\x26\x28-\x7e]+$/,
  rule: 'ASCII without white space and quotes',
  type: 'text',
} as const;

export const SETTINGS: Readonly<Record<ProfileField, Setting>> = {
  secretId: { key: 'secret-id', ...KEY_TEXT, secrecy: 'masked' },
  secretKey: { key: 'secret-key', ...KEY_TEXT, secrecy: 'hidden' },
  token: { key: 'token', ...KEY_TEXT, secrecy: 'hidden' },
  region: { key: 'region', ...REGION, type: 'text' },
  subAppId: { key: 'sub-app-id', pattern: /^[1-9]\d{0,14}$/, rule: 'an integer', type: 'integer' },
  storageRegion: { key: 'storage-region', ...REGION, type: 'text' },
  procedure: {
    key: 'procedure',
    pattern: /^\P{Cc}+$/u,
    rule: 'the name of a procedure',
    type: 'text',
  },
  classId: { key: 'class-id', pattern: /^(0|[1-9]\d{0,14})$/, rule: 'an integer', type: 'integer' },
  vodHost: {
    key: 'vod-host',
    pattern: /^[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/,
    rule: 'a host name, such as vod.intl.tencentcloudapi.com',
    type: 'text',
  },
};

export const PROFILE_FIELDS = Object.keys(SETTINGS) as readonly ProfileField[];

/** The field that `key` names on the command line. Throws UsageError on an unknown key. */
export function fieldOf(key: string): ProfileField {
  const field = PROFILE_FIELDS.find((candidate) => SETTINGS[candidate].key === key);
  if (field !== undefined) return field;
  const keys = PROFILE_FIELDS.map((candidate) => SETTINGS[candidate].key);
  // Somebody may have written secret-key=VALUE, or the value alone: only a plain word is repeated.
  const name = key.split('=')[0] as string;
  const shown = /^[a-z-]{1,24}$/.test(name) ? ` "${name}"` : '';
  const close = nearest(name, keys);
  throw usageError(
    `unknown key${shown}: the keys are ${keys.join(', ')}`,
    close === undefined
      ? 'Write the key, then its value: vod-upload config set region ap-guangzhou.'
      : `Write ${close} if that is what you meant${key === name ? '' : ', followed by a space and its value'}.`,
  );
}

/**
 * The value of a field from what was typed or stored; undefined where that is blank. Throws
 * UsageError, which shows no value since it might be a secret in the wrong place. `where` opens its
 * message, and `name` is what the field is called there.
 */
export function parseSetting<F extends ProfileField>(
  field: F,
  text: string,
  where: string,
  name = SETTINGS[field].key,
): Profile[F] | undefined {
  const { pattern, rule, type } = SETTINGS[field];
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (!pattern.test(trimmed)) {
    throw usageError(
      `${where}: the value of ${name} must be ${rule}`,
      `Correct the value of ${name}.`,
    );
  }
  return (type === 'integer' ? Number(trimmed) : trimmed) as Profile[F];
}

/** A SecretId for people: its last four characters. */
export function maskId(secretId: string): string {
  return `****${secretId.length > 8 ? secretId.slice(-4) : ''}`;
}

/** The value of a field as it may be shown. */
export function showSetting(field: ProfileField, value: string | number): string | number {
  const { secrecy } = SETTINGS[field];
  if (secrecy === 'hidden') return '(set)';
  return secrecy === 'masked' ? maskId(String(value)) : value;
}
