import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usageError } from '../core/errors.js';
import { parseSetting } from './profile-settings.js';
import { assertProfileName } from './profiles.js';

/** A key pair of the account; with a token it is a temporary one. Secret. */
export interface Keys {
  readonly secretId: string;
  readonly secretKey: string;
  readonly token?: string;
}

/** A place that may hold keys. */
export interface KeySource {
  /** For people; opens error messages. */
  readonly where: string;
  /** Whoever renews the keys writes this file. */
  readonly file?: string;
  /** undefined where there are no keys. Throws UsageError on keys that cannot be used. */
  read(): Promise<Keys | undefined>;
}

const TCCLI_NAMES = { secretId: 'secretId', secretKey: 'secretKey', token: 'token' };
const SDK_NAMES = { secretId: 'secret_id', secretKey: 'secret_key', token: 'token' };

/** How a source calls the parts of its keys. */
type Names = Readonly<Record<keyof Keys, string>>;

/**
 * Keys from what a source holds: trimmed, blank is absent. Throws UsageError on half a pair, since
 * passing it over would use the keys of somebody else, and on characters that no key has.
 */
export function keysOf(
  held: { readonly [field in keyof Keys]?: unknown },
  where: string,
  names: Names,
): Keys | undefined {
  const parse = (field: keyof Keys) =>
    parseSetting(field, String(held[field] ?? ''), where, names[field]);
  const secretId = parse('secretId');
  const secretKey = parse('secretKey');
  const token = parse('token');
  if (secretId === undefined && secretKey === undefined) return undefined;
  if (secretId === undefined || secretKey === undefined) {
    const [present, missing] =
      secretKey === undefined
        ? [names.secretId, names.secretKey]
        : [names.secretKey, names.secretId];
    throw usageError(
      `${where}: ${present} is set, but ${missing} is missing`,
      `Set ${missing}, or remove ${present}.`,
    );
  }
  return { secretId, secretKey, ...(token !== undefined && { token }) };
}

export interface TccliProfile {
  readonly home: string;
  readonly name: string;
  /** TCCLI_PROFILE names it, so that its absence is an error. */
  readonly named: boolean;
  readonly now: () => Date;
}

/** The keys that Tencent Cloud's command line keeps in `~/.tccli/<name>.credential`. */
export function tccliSource({ home, name, named, now }: TccliProfile): KeySource {
  const file = join(home, '.tccli', `${name}.credential`);
  return {
    where: file,
    file,
    async read() {
      if (named) assertProfileName(name, 'TCCLI_PROFILE');
      const text = await readIfThere(file);
      if (text === undefined && named) {
        throw usageError(
          `tccli has no profile "${name}": ${file} does not exist`,
          'Correct or unset TCCLI_PROFILE.',
        );
      }
      if (text === undefined) return undefined;
      const held = parseCredential(text, file);
      assertUsable(held, file, name, now());
      return keysOf(held, file, TCCLI_NAMES);
    },
  };
}

/** The keys of `[default]` in `~/.tencentcloud/credentials`, where the SDKs look. */
export function sdkSource(home: string): KeySource {
  const file = join(home, '.tencentcloud', 'credentials');
  return {
    where: file,
    file,
    async read() {
      const text = await readIfThere(file);
      if (text === undefined) return undefined;
      const section = iniSection(text, 'default');
      const held = {
        secretId: section.get('secret_id'),
        secretKey: section.get('secret_key'),
        token: section.get('token'),
      };
      return keysOf(held, file, SDK_NAMES);
    },
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw usageError(
      `cannot read ${file} (${code})`,
      'Give this user read permission on the file, or take the keys from elsewhere with --profile.',
    );
  }
}

function parseCredential(text: string, file: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and with it perhaps a secret.
  }
  if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  throw usageError(`${file} is damaged: it is not JSON`, 'Run "tccli configure" to write it anew.');
}

/** Some profiles are not a plain pair: they expire, or only name a role. */
function assertUsable(
  held: Readonly<Record<string, unknown>>,
  file: string,
  name: string,
  now: Date,
): void {
  const type = held['type'];
  if (type === 'cvm-role' || held['role-arn'] !== undefined) {
    throw usageError(
      `${file} names a role to assume, which is not supported`,
      'Assume the role yourself, and set TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN.',
    );
  }
  if (type !== 'oauth' && type !== 'sso') return;
  // In seconds. Where it is missing, nobody knows, and tccli would renew as well.
  const expiresAtMs = Number(held['expiresAt'] ?? 0) * 1000;
  if (expiresAtMs > now.getTime()) return;
  const login = type === 'sso' ? 'sso login' : 'auth login';
  const suffix = name === 'default' ? '' : ` --profile ${name}`;
  throw usageError(`the login in ${file} has expired`, `Run "tccli ${login}${suffix}".`);
}

/** The entries of one section of an INI file; keys in lower case. */
function iniSection(text: string, wanted: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[([^\]]*)\]\s*$/.exec(line);
    const entry = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (header) section = (header[1] as string).trim();
    else if (entry && section === wanted) {
      entries.set((entry[1] as string).toLowerCase(), entry[2] as string);
    }
  }
  return entries;
}
