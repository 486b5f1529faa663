import { usageError } from '../../core/errors.js';
import { visibleMessage } from '../../core/text.js';
import { parseSetting, PROFILE_FIELDS, SETTINGS, showSetting } from '../profile-settings.js';
import type { Profile, ProfileField } from '../profile-settings.js';
import { configDirectory } from '../directories.js';
import { assertProfileName, openProfiles, unknownProfile } from '../profiles.js';
import type { Profiles } from '../profiles.js';
import type { World } from '../world.js';

/** `config get`. Throws UsageError where the setting is not set. */
export async function getSetting(world: World, field: ProfileField, asked?: string): Promise<void> {
  const profiles = await open(world);
  const name = profileName(profiles, asked);
  const value = profiles.get(name)?.[field];
  const { key } = SETTINGS[field];
  if (value === undefined) {
    throw usageError(
      `${key} is not set in profile "${name}"`,
      `Set it with "${commandToSet(key, asked)}".`,
    );
  }
  world.stdout.write(`${visibleMessage(String(showSetting(field, value)))}\n`);
}

/** `config set`. Resolves to false where the user gave up with ^C. */
export async function setSetting(
  world: World,
  field: ProfileField,
  given: string | undefined,
  asked?: string,
): Promise<boolean> {
  const { key, secrecy } = SETTINGS[field];
  const profiles = await open(world);
  const name = profileName(profiles, asked);
  if (given !== undefined && secrecy === 'hidden') {
    throw usageError(
      `${key} is not taken from the command line, where every process of this machine can read it`,
      `Run "${commandToSet(key, asked)}" and type it when asked, or pipe it in.`,
    );
  }
  const text = given ?? (secrecy === undefined ? '' : await ask(world, `${key} of "${name}": `));
  if (text === undefined) return false;
  const value = parseSetting(field, text, 'config set');
  if (value === undefined) {
    throw usageError(
      `no value for ${key}`,
      secrecy === undefined
        ? `Write it after the key: ${commandToSet(`${key} <value>`, asked)}.`
        : 'Type it when asked, or pipe it in as one line.',
    );
  }
  await profiles.set(name, field, value);
  world.stderr.write(`${key} is set in profile "${name}"\n`);
  return true;
}

/** What a hint tells to type: it is to change the profile that was asked for. */
function commandToSet(setting: string, asked: string | undefined): string {
  return `vod-upload config set ${setting}${asked === undefined ? '' : ` --profile ${asked}`}`;
}

async function ask(world: World, prompt: string): Promise<string | undefined> {
  const { readSecret } = await import('../secret-input.js');
  return readSecret(prompt, world);
}

/** `config unset`. */
export async function unsetSetting(
  world: World,
  field: ProfileField,
  asked?: string,
): Promise<void> {
  const profiles = await open(world);
  const name = profileName(profiles, asked);
  const removed = await profiles.unset(name, field);
  const { key } = SETTINGS[field];
  world.stderr.write(
    `${key} ${removed ? 'is removed from' : 'was not set in'} profile "${name}"\n`,
  );
}

/** `config list`: all profiles, or the one that is asked for. */
export async function listProfiles(
  world: World,
  asked: string | undefined,
  json: boolean,
): Promise<void> {
  const profiles = await open(world);
  const known = profiles.names();
  if (asked !== undefined) {
    assertProfileName(asked);
    if (!known.includes(asked)) throw unknownProfile(asked, known);
  }
  const names = asked === undefined ? known : [asked];
  const shown = names.map((name) => [name, shownSettings(profiles.get(name) ?? {})] as const);
  if (json) {
    const document = {
      schema: 1,
      path: profiles.path,
      defaultProfile: profiles.defaultName,
      profiles: Object.fromEntries(shown),
    };
    world.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return;
  }
  const blocks = shown.map(([name, settings]) =>
    [
      `[${name}]`,
      ...PROFILE_FIELDS.filter((field) => settings[field] !== undefined).map(
        (field) => `${SETTINGS[field].key} = ${settings[field]}`,
      ),
    ]
      .map((line) => `${visibleMessage(line)}\n`)
      .join(''),
  );
  world.stdout.write(blocks.join('\n'));
}

function shownSettings(profile: Profile): Partial<Record<ProfileField, string | number>> {
  const entries = Object.entries(profile) as [ProfileField, string | number][];
  return Object.fromEntries(entries.map(([field, value]) => [field, showSetting(field, value)]));
}

/** `config path`. */
export async function printPath(world: World): Promise<void> {
  world.stdout.write(`${(await open(world)).path}\n`);
}

function open(world: World): Promise<Profiles> {
  return openProfiles(configDirectory(world));
}

function profileName(profiles: Profiles, asked: string | undefined): string {
  if (asked !== undefined) assertProfileName(asked);
  return asked ?? profiles.defaultName;
}
