import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError, usageError } from '../core/errors.js';
import { makeOwnDirectory, tighten } from '../journal/state-directory.js';
import { nearest } from './nearest.js';
import { parseSetting, PROFILE_FIELDS, SETTINGS } from './profile-settings.js';
import type { Profile, ProfileField } from './profile-settings.js';

/** The stored profiles, as they were when opened and as changed since. */
export interface Profiles {
  /** The file, which need not exist. */
  readonly path: string;
  readonly defaultName: string;
  names(): string[];
  /** undefined where there is no such profile. Throws UsageError on a value that cannot be used. */
  get(name: string): Profile | undefined;
  set<F extends ProfileField>(
    name: string,
    field: F,
    value: NonNullable<Profile[F]>,
  ): Promise<void>;
  /** Resolves to whether there was something to remove; an empty profile is removed as well. */
  unset(name: string, field: ProfileField): Promise<boolean>;
}

const SCHEMA = 1;

type Values = Readonly<Record<string, unknown>>;

/** What the file holds; values of a profile are checked when it is asked for. */
interface Stored {
  readonly defaultProfile: string;
  readonly profiles: Readonly<Record<string, Values>>;
}

/** Throws UsageError on a name that could not be a profile; names become parts of file names. */
export function assertProfileName(name: string, givenBy = '--profile'): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}_.@-]*$/u.test(name)) return;
  throw usageError(
    'the name of a profile consists of letters, digits and _ . @ -, and begins with a letter or digit',
    `Correct ${givenBy}.`,
  );
}

/** Names those that there are, and the one that may be meant. */
export function unknownProfile(name: string, known: readonly string[]): UsageError {
  const close = nearest(name, known);
  return usageError(
    known.length === 0
      ? `unknown profile "${name}": there are no profiles`
      : `unknown profile "${name}": known are ${known.join(', ')}`,
    close === undefined
      ? `Create it with "vod-upload config set secret-id --profile ${name}".`
      : `Write --profile ${close} if that is what you meant.`,
  );
}

/**
 * Reads the profiles. Throws UsageError on a file that is damaged or unreadable: it is never
 * reset, and nothing of its content is shown. A directory that may not be entered holds no profiles
 * where somebody is to be warned of it.
 */
export async function openProfiles(
  configDir: string,
  warn?: (message: string) => void,
): Promise<Profiles> {
  const path = join(configDir, 'config.json');
  let stored = await read(path, warn);
  const change = async (name: string, next: (values: Values) => Values): Promise<void> => {
    // Anew: the user may have thought for a while before typing a value.
    const { profiles, ...rest } = await read(path);
    const changed = { ...profiles, [name]: next(valuesOf(profiles, name)) };
    const kept = Object.entries(changed).filter(([, values]) => Object.keys(values).length > 0);
    stored = { ...rest, profiles: Object.fromEntries(kept) };
    await write(configDir, path, stored);
  };
  return {
    path,
    defaultName: stored.defaultProfile,
    names: () => Object.keys(stored.profiles),
    get(name) {
      if (!Object.hasOwn(stored.profiles, name)) return undefined;
      return parseProfile(valuesOf(stored.profiles, name), name, path);
    },
    async set(name, field, value) {
      assertProfileName(name);
      await change(name, (values) => ({ ...values, [field]: value }));
    },
    async unset(name, field) {
      if (valuesOf(stored.profiles, name)[field] === undefined) return false;
      await change(name, ({ [field]: _, ...others }) => others);
      return true;
    },
  };
}

function valuesOf(profiles: Stored['profiles'], name: string): Values {
  return (Object.hasOwn(profiles, name) ? profiles[name] : undefined) ?? {};
}

/** Plain JSON, read without conf: loading it takes a quarter of a second, which every run would pay. */
async function read(path: string, warn?: (message: string) => void): Promise<Stored> {
  const nothing = { defaultProfile: 'default', profiles: {} };
  let text: string;
  try {
    assertRegular(await stat(path), path);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return nothing;
    // Nobody here may know whether there is such a file.
    if (code === 'EACCES' && syscall === 'stat') {
      const message = `${dirname(path)} may not be entered`;
      if (warn === undefined) {
        throw usageError(
          `${message}, where the profiles are`,
          'Let this user enter it, or name another directory with XDG_CONFIG_HOME.',
        );
      }
      warn(`${message}: no profile is read`);
      return nothing;
    }
    throw usageError(
      `cannot read ${path} (${code})`,
      'Give this user read permission on the file, or remove it.',
    );
  }
  await tighten(path, 0o600);
  return parseStored(text, path);
}

/** Whoever opens a pipe waits for somebody to write to it, and a device may have no end. */
function assertRegular(stats: Stats, path: string): void {
  if (stats.isFile()) return;
  throw usageError(
    `${path} is no regular file`,
    'Move it away, or name another directory with XDG_CONFIG_HOME.',
  );
}

function parseStored(text: string, path: string): Stored {
  const document = parseJson(text);
  const profiles = isRecord(document) ? (document['profiles'] ?? {}) : undefined;
  if (!isRecord(document) || !isRecord(profiles) || !Object.values(profiles).every(isRecord)) {
    throw damaged(path, 'it does not hold profiles in JSON');
  }
  if ((document['schema'] ?? SCHEMA) !== SCHEMA) {
    throw usageError(
      `${path} was not written by this version of vod-upload: its schema is not ${SCHEMA}`,
      'Update vod-upload.',
    );
  }
  const named = document['defaultProfile'];
  return {
    defaultProfile: typeof named === 'string' ? named : 'default',
    profiles: profiles as Stored['profiles'],
  };
}

function damaged(path: string, reason: string): UsageError {
  return usageError(
    `${path} is damaged: ${reason}`,
    'Correct the file, or move it away and set the profiles again with "vod-upload config set".',
  );
}

function parseProfile(values: Values, name: string, path: string): Profile {
  const where = `profile "${name}" of ${path}`;
  const profile: Partial<Record<ProfileField, unknown>> = {};
  for (const field of PROFILE_FIELDS) {
    const value = values[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw usageError(
        `${where}: the value of ${SETTINGS[field].key} must be ${SETTINGS[field].rule}`,
        `Set it again with "vod-upload config set ${SETTINGS[field].key} --profile ${name}".`,
      );
    }
    const parsed = parseSetting(field, String(value), where);
    if (parsed !== undefined) profile[field] = parsed;
  }
  return profile as Profile;
}

/** Replaces the file atomically, readable for its owner only. */
async function write(configDir: string, path: string, stored: Stored): Promise<void> {
  const { default: Conf } = await import('conf');
  try {
    await makeOwnDirectory(configDir);
    await tighten(configDir, 0o700);
    const conf = new Conf({
      cwd: configDir,
      configName: 'config',
      configFileMode: 0o600,
      // A profile may have a dot in its name.
      accessPropertiesByDotNotation: false,
    });
    conf.set({ schema: SCHEMA, ...stored });
  } catch (error) {
    if (error instanceof RangeError) throw damaged(path, 'it is nested too deep');
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw usageError(
      `cannot write ${path} (${code})`,
      'Make the directory writable, or name another with XDG_CONFIG_HOME.',
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and with it perhaps a secret.
    return undefined;
  }
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
