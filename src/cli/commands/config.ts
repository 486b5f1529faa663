import { Argument, type Command } from 'commander';
import { usageError } from '../../core/errors.js';
import { visible } from '../../core/text.js';
import {
  fieldOf,
  parseSetting,
  PROFILE_FIELDS,
  SETTINGS,
  showSetting,
} from '../profile-settings.js';
import type { Profile, ProfileField } from '../profile-settings.js';
import { assertProfileName, configDirectory, openProfiles, unknownProfile } from '../profiles.js';
import type { Profiles } from '../profiles.js';
import type { World } from '../world.js';

interface ProfileFlags {
  readonly profile?: string;
}

const EXAMPLES = `Examples:
  vod-upload config set secret-id AKIDxxxxxxxx
  vod-upload config set secret-key                     asks for it, or reads a piped line
  vod-upload config set sub-app-id 1500012345 --profile staging
  vod-upload config list
`;

const KEYS = `
Keys: ${PROFILE_FIELDS.map((field) => SETTINGS[field].key).join(', ')}
`;

/** Adds `config get|set|unset|list|path`. */
export function addConfigCommand(
  program: Command,
  world: World,
  exit: (code: number) => void,
): void {
  const config = program
    .command('config')
    .description('read and change profiles: keys and settings by name')
    .helpCommand(false)
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', KEYS);
  const add = (name: string, description: string, examples: string): Command =>
    config
      .command(name)
      .description(description)
      .addHelpText('before', `Examples:\n${examples}`)
      .option('--profile <name>', 'the profile (the default profile)');

  add('get', 'print a setting', '  vod-upload config get region\n')
    .addArgument(key())
    .action(async (key: string, { profile }: ProfileFlags) => get(world, fieldOf(key), profile));
  add(
    'set',
    'store a setting; keys of the account are asked for, or read from stdin',
    '  vod-upload config set region ap-beijing\n  pass show vod | vod-upload config set secret-key\n',
  )
    .addArgument(key())
    .argument('[value]')
    .action(async (key: string, value: string | undefined, { profile }: ProfileFlags) => {
      if (!(await set(world, fieldOf(key), value, profile))) exit(130);
    });
  add('unset', 'remove a setting', '  vod-upload config unset sub-app-id\n')
    .addArgument(key())
    .action(async (key: string, { profile }: ProfileFlags) => unset(world, fieldOf(key), profile));
  add('list', 'print all profiles, secrets masked', '  vod-upload config list --json\n')
    .option('--json', 'as JSON')
    .action(async ({ profile, json }: ProfileFlags & { readonly json?: true }) =>
      list(world, profile, json === true),
    );
  config
    .command('path')
    .description('print where the profiles are stored')
    .addHelpText('before', 'Examples:\n  vod-upload config path\n')
    .action(async () => {
      world.stdout.write(`${(await open(world)).path}\n`);
    });
}

/** A key of a profile. Its choices are for those who complete it: `fieldOf` also says which is meant. */
function key(): Argument {
  const keys = PROFILE_FIELDS.map((field) => SETTINGS[field].key);
  return new Argument('<key>').choices(keys).argParser(String);
}

async function get(world: World, field: ProfileField, asked?: string): Promise<void> {
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
  world.stdout.write(`${visible(String(showSetting(field, value)))}\n`);
}

/** Resolves to false where the user gave up with ^C. */
async function set(
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

async function unset(world: World, field: ProfileField, asked?: string): Promise<void> {
  const profiles = await open(world);
  const name = profileName(profiles, asked);
  const removed = await profiles.unset(name, field);
  const { key } = SETTINGS[field];
  world.stderr.write(
    `${key} ${removed ? 'is removed from' : 'was not set in'} profile "${name}"\n`,
  );
}

async function list(world: World, asked: string | undefined, json: boolean): Promise<void> {
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
      .map((line) => `${visible(line)}\n`)
      .join(''),
  );
  world.stdout.write(blocks.join('\n'));
}

function shownSettings(profile: Profile): Partial<Record<ProfileField, string | number>> {
  const entries = Object.entries(profile) as [ProfileField, string | number][];
  return Object.fromEntries(entries.map(([field, value]) => [field, showSetting(field, value)]));
}

function open({ env, home }: World): Promise<Profiles> {
  return openProfiles(configDirectory(env, home));
}

function profileName(profiles: Profiles, asked: string | undefined): string {
  if (asked !== undefined) assertProfileName(asked);
  return asked ?? profiles.defaultName;
}
