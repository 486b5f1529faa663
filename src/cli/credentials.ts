import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UploadFailure, UsageError, usageError } from '../core/errors.js';
import { visible } from '../core/text.js';
import { answered } from '../core/waits.js';
import { configDirectory } from './directories.js';
import { keysOf, sdkSource, tccliSource } from './credential-files.js';
import type { Keys, KeySource } from './credential-files.js';
import type { Profile, ProfileSettings } from './profile-settings.js';
import { assertProfileName, openProfiles, unknownProfile } from './profiles.js';
import type { Profiles } from './profiles.js';

export interface CredentialQuery {
  /** `--profile`. */
  readonly profile?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly now?: () => Date;
  warn(message: string): void;
}

/** What this machine knows of the account. */
export interface Account {
  readonly profileSettings: ProfileSettings;
  /** Absent where no keys were found. */
  readonly credentials?: ResolvedCredentials;
}

/** The keys to sign with. Secret, but for `source`. */
export interface ResolvedCredentials extends Keys {
  /** Where they were found, for people. */
  readonly source: string;
  /** The keys as they are now: whoever renews temporary ones in a file is followed. */
  current(): Promise<Keys>;
}

const TOKEN_VARIABLES = [
  'TENCENTCLOUD_TOKEN',
  'TENCENTCLOUD_SESSION_TOKEN',
  'TENCENTCLOUD_SECURITY_TOKEN',
] as const;

const PROFILE_NAMES = { secretId: 'secret-id', secretKey: 'secret-key', token: 'token' };

/** As `findAccount`; throws UsageError where there are no keys at all, too. */
export async function resolveAccount(query: CredentialQuery): Promise<Required<Account>> {
  const { profileSettings, credentials } = await findAccount(query);
  if (credentials === undefined) throw nothingFound();
  return { profileSettings, credentials };
}

/**
 * Finds the account's keys: `--profile`, environment, default profile, tccli, the SDKs' file.
 * Throws UsageError where the first that are found cannot be used, and where `--profile` has none.
 *
 * Settings follow the keys of their profile. A default profile without keys is for any keys, or none.
 */
export async function findAccount(query: CredentialQuery): Promise<Account> {
  const { profile: asked, env, home, warn } = query;
  const configDir = configDirectory(query);
  if (asked !== undefined) assertProfileName(asked);
  const needsNone = asked === undefined && (await environmentSource(env).read()) !== undefined;
  const profiles = await inTime(openProfiles(configDir, needsNone ? warn : undefined), configDir);
  const name = asked ?? profiles.defaultName;
  const own = profileSource(profiles.path, configDir, name);
  const { settings, holdsKeys } = split(profiles.get(name) ?? {});
  for (const source of sourcesOf(query, own)) {
    const { stamp, keys } = await inTime(firstRead(source), source.where);
    if (keys === undefined) continue;
    return {
      profileSettings: source === own || !holdsKeys ? settings : {},
      credentials: { ...keys, source: source.where, current: followed(source, keys, stamp) },
    };
  }
  if (asked !== undefined) throw await noSuchProfile(asked, profiles, home);
  return { profileSettings: settings };
}

/** What a disk says; throws UsageError where it says nothing for a minute. */
async function inTime<T>(asking: Promise<T>, where: string): Promise<T> {
  try {
    return await answered(asking);
  } catch (error) {
    if (!(error instanceof UploadFailure)) throw error;
    throw usageError(`cannot read ${where}: ${error.message}`, error.hint);
  }
}

/** The stamp is of the keys, or of those before them. */
async function firstRead(source: KeySource) {
  const stamp = await stampOf(source);
  return { stamp, keys: await source.read() };
}

/** Where to look, the first first. */
function sourcesOf(query: CredentialQuery, own: KeySource): readonly KeySource[] {
  const { profile, env, home, now = () => new Date() } = query;
  if (profile !== undefined) return [own, tccliSource({ home, name: profile, named: false, now })];
  const name = nonBlank(env['TCCLI_PROFILE']);
  const tccli = tccliSource({ home, name: name ?? 'default', named: name !== undefined, now });
  return [environmentSource(env), own, tccli, sdkSource(home)];
}

function environmentSource(env: CredentialQuery['env']): KeySource {
  const where = 'environment variables';
  const token = TOKEN_VARIABLES.find((variable) => nonBlank(env[variable])) ?? TOKEN_VARIABLES[0];
  const names = {
    secretId: 'TENCENTCLOUD_SECRET_ID',
    secretKey: 'TENCENTCLOUD_SECRET_KEY',
    token,
  };
  const held = {
    secretId: env[names.secretId],
    secretKey: env[names.secretKey],
    token: env[token],
  };
  return { where, read: async () => keysOf(held, where, names) };
}

function profileSource(path: string, configDir: string, name: string): KeySource {
  const where = `profile "${name}" of ${path}`;
  return {
    where,
    file: path,
    async read() {
      const profile = (await openProfiles(configDir)).get(name);
      return profile && keysOf(profile, where, PROFILE_NAMES);
    },
  };
}

/** So long a disk may take to say whether there are other keys. */
const PATIENCE_MS = 500;

/**
 * Reads the source anew when its file has changed; a file that is just being rewritten waits, and one on
 * a disk that does not answer keeps one thread.
 */
function followed(source: KeySource, first: Keys, readAt: string | undefined) {
  if (source.file === undefined) return async (): Promise<Keys> => first;
  let known = first;
  let stamp = readAt;
  let looking: Promise<void> | undefined;
  async function look(): Promise<void> {
    const seen = await stampOf(source);
    if (seen === stamp) return;
    try {
      known = (await source.read()) ?? known;
      stamp = seen;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }
  return async (): Promise<Keys> => {
    looking ??= Promise.race([
      look().finally(() => (looking = undefined)),
      sleep(PATIENCE_MS, undefined, { ref: false }),
    ]);
    await looking;
    return known;
  };
}

/** Changes whenever the source's file does. */
async function stampOf({ file }: KeySource): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found && `${found.ino} ${found.size} ${found.mtimeNs}`;
}

function split({ secretId, secretKey, token: _, ...settings }: Profile): {
  readonly settings: ProfileSettings;
  readonly holdsKeys: boolean;
} {
  return { settings, holdsKeys: secretId !== undefined || secretKey !== undefined };
}

function nonBlank(value: string | undefined): string | undefined {
  return value?.trim() || undefined;
}

function nothingFound(): UsageError {
  return usageError(
    'no credentials found in the environment, the default profile, ~/.tccli or ~/.tencentcloud',
    'Set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or run "vod-upload config set secret-id" and "vod-upload config set secret-key", or try --sandbox.',
  );
}

async function noSuchProfile(name: string, profiles: Profiles, home: string): Promise<UsageError> {
  if (profiles.get(name) !== undefined) {
    return usageError(
      `profile "${name}" of ${profiles.path} holds no keys`,
      `Run "vod-upload config set secret-id --profile ${name}", then the same for secret-key.`,
    );
  }
  const files = await readdir(join(home, '.tccli')).catch(() => []);
  const ofTccli = files
    .filter((file) => file.endsWith('.credential'))
    .map((file) => visible(file.slice(0, -'.credential'.length)));
  const known = [...new Set([...profiles.names(), ...ofTccli])].sort();
  return unknownProfile(name, known);
}
