import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { configDirectory } from '../../src/cli/directories.js';
import { nearest } from '../../src/cli/nearest.js';
import { fieldOf, maskId, parseSetting } from '../../src/cli/profile-settings.js';
import { openProfiles } from '../../src/cli/profiles.js';
import { UsageError } from '../../src/core/errors.js';

let base: string;
let configDir: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'vod-upload-profiles-'));
  configDir = join(base, 'deep', 'vod-upload');
});

afterEach(() => rm(base, { recursive: true, force: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

async function putConfig(content: string): Promise<string> {
  await mkdir(configDir, { recursive: true });
  const file = join(configDir, 'config.json');
  await writeFile(file, content);
  return file;
}

test('the directory is where XDG says, unless that is relative or empty', () => {
  assert.equal(configDirectory({ env: { XDG_CONFIG_HOME: '/x' }, home: '/u' }), '/x/vod-upload');
  for (const value of [undefined, '', 'relative']) {
    const found = configDirectory({ env: { XDG_CONFIG_HOME: value }, home: '/u' });
    assert.equal(found, '/u/.config/vod-upload');
  }
});

test('a file that is none of the regular kind is refused, and never waited for', async () => {
  await mkdir(join(configDir, 'config.json'), { recursive: true });
  const isRefused = { message: `${join(configDir, 'config.json')} is no regular file` };
  await assert.rejects(openProfiles(configDir), isRefused);
  await rm(join(configDir, 'config.json'), { recursive: true });
  spawnSync('mkfifo', [join(configDir, 'config.json')]);
  await assert.rejects(openProfiles(configDir), isRefused);
});

test('a file that is nested too deep to be written again is damaged, and left as it is', async () => {
  const deep = 100_000;
  const content = `{"profiles":{"a":{"x":${'['.repeat(deep)}${']'.repeat(deep)}}}}`;
  const file = await putConfig(content);
  const profiles = await openProfiles(configDir);
  await assert.rejects(profiles.set('b', 'region', 'ap-beijing'), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /config\.json is damaged: it is nested too deep$/);
    return true;
  });
  assert.equal(await readFile(file, 'utf8'), content);
});

test('reading where nothing is stored creates nothing', async () => {
  const profiles = await openProfiles(configDir);
  assert.deepEqual([profiles.names(), profiles.get('default')], [[], undefined]);
  await assert.rejects(stat(configDir), { code: 'ENOENT' });
});

test('what is stored is found again, whatever the profile is called', async () => {
  for (const name of ['default', 'a.b', 'constructor', '生产']) {
    await (await openProfiles(configDir)).set(name, 'region', 'ap-beijing');
    await (await openProfiles(configDir)).set(name, 'subAppId', 7);
    const stored = (await openProfiles(configDir)).get(name);
    assert.deepEqual(stored, { region: 'ap-beijing', subAppId: 7 });
  }
});

test('the file and its directory are for their owner only', async () => {
  const profiles = await openProfiles(configDir);
  await profiles.set('default', 'secretKey', 'x');
  assert.equal(await modeOf(profiles.path), 0o600);
  assert.equal(await modeOf(configDir), 0o700);
});

test('a mode that is too wide is tightened: of the file when read, of the directory when written', async () => {
  const file = await putConfig('{"schema":1,"profiles":{}}');
  await chmod(file, 0o644);
  await chmod(configDir, 0o755);
  const profiles = await openProfiles(configDir);
  assert.equal(await modeOf(file), 0o600);
  await profiles.set('default', 'region', 'ap-beijing');
  assert.equal(await modeOf(configDir), 0o700);
});

test('removing the last setting of a profile removes the profile', async () => {
  const profiles = await openProfiles(configDir);
  await profiles.set('staging', 'region', 'ap-beijing');
  assert.equal(await profiles.unset('staging', 'token'), false);
  assert.equal(await profiles.unset('staging', 'region'), true);
  assert.deepEqual((await openProfiles(configDir)).names(), []);
});

test('changes made by two who opened the file before are both kept', async () => {
  const [one, other] = [await openProfiles(configDir), await openProfiles(configDir)];
  await one.set('default', 'region', 'ap-beijing');
  await other.set('default', 'classId', 3);
  assert.deepEqual((await openProfiles(configDir)).get('default'), {
    region: 'ap-beijing',
    classId: 3,
  });
});

test('what a later version put into the file survives a change', async () => {
  const file = await putConfig('{"schema":1,"later":2,"profiles":{"default":{"later":3}}}');
  await (await openProfiles(configDir)).set('default', 'region', 'ap-beijing');
  const stored = JSON.parse(await readFile(file, 'utf8')) as unknown;
  assert.deepEqual(stored, {
    schema: 1,
    later: 2,
    defaultProfile: 'default',
    profiles: { default: { later: 3, region: 'ap-beijing' } },
  });
});

for (const content of [
  '',
  '{"profiles": {"default": {"secretKey": "SECRET',
  '[]',
  'null',
  '{"profiles": ["SECRET"]}',
  '{"profiles": {"default": "SECRET"}}',
  '{"schema": 2, "profiles": {"default": {"secretKey": "SECRET"}}}',
]) {
  test(`a file that cannot be understood is named, kept and not shown: ${content}`, async () => {
    const file = await putConfig(content);
    await assert.rejects(openProfiles(configDir), (error: unknown) => {
      assert(error instanceof UsageError);
      assert(error.message.includes(file) && !String(error.stack).includes('SECRET'));
      return true;
    });
    assert.equal(await readFile(file, 'utf8'), content);
  });
}

test('a value of the wrong type is to be set again in its own profile', async () => {
  await putConfig('{"profiles":{"staging":{"region":{}}}}');
  const profiles = await openProfiles(configDir);
  assert.throws(
    () => profiles.get('staging'),
    (error: unknown) =>
      error instanceof UsageError &&
      error.problems[0]?.hint ===
        'Set it again with "vod-upload config set region --profile staging".',
  );
});

test('a wrong value spoils only its own profile, and can be set anew', async () => {
  await putConfig('{"profiles":{"bad":{"subAppId":"SECRET"},"good":{"subAppId":"5"}}}');
  const profiles = await openProfiles(configDir);
  assert.deepEqual(profiles.get('good'), { subAppId: 5 });
  assert.throws(
    () => profiles.get('bad'),
    (error: unknown) =>
      error instanceof UsageError &&
      /"bad".*sub-app-id/.test(error.message) &&
      !error.message.includes('SECRET'),
  );
  await profiles.set('bad', 'subAppId', 6);
  assert.deepEqual(profiles.get('bad'), { subAppId: 6 });
});

const accepted = [
  ['subAppId', ' 1500012345 ', 1500012345],
  ['classId', '0', 0],
  ['region', 'ap-guangzhou', 'ap-guangzhou'],
  ['procedure', 'QCVB_SimpleProcessFile(1,1)', 'QCVB_SimpleProcessFile(1,1)'],
  ['vodHost', 'vod.intl.tencentcloudapi.com', 'vod.intl.tencentcloudapi.com'],
  ['region', '  ', undefined],
] as const;
for (const [field, text, value] of accepted) {
  test(`"${text}" is a value of ${field}`, () => {
    assert.equal(parseSetting(field, text, 'here'), value);
  });
}

const refused = [
  ['subAppId', '0'],
  ['subAppId', '12e3'],
  ['subAppId', '9007199254740993'],
  ['classId', '-1'],
  ['region', 'Guangzhou'],
  ['storageRegion', 'ap guangzhou'],
  ['vodHost', 'https://vod.tencentcloudapi.com'],
  ['vodHost', 'vod.tencentcloudapi.com:443'],
  ['procedure', 'a\nb'],
] as const;
for (const [field, text] of refused) {
  test(`${JSON.stringify(text)} is no value of ${field}`, () => {
    assert.throws(() => parseSetting(field, text, 'here'), UsageError);
  });
}

test('an unknown key names the nearest', () => {
  assert.equal(fieldOf('sub-app-id'), 'subAppId');
  assert.throws(
    () => fieldOf('subappid'),
    (error: unknown) =>
      error instanceof UsageError && /sub-app-id/.test(error.problems[0]?.hint ?? ''),
  );
});

test('a value in the place of a key is not repeated', () => {
  for (const key of ['secret-key=Gu5tSECRET', 'Gu5tSECRET', '--token=SECRET']) {
    assert.throws(
      () => fieldOf(key),
      (error: unknown) => error instanceof UsageError && !String(error.stack).includes('SECRET'),
    );
  }
});

test('of a SecretId its last four characters are shown, and fewer where that is most of it', () => {
  assert.equal(maskId('AKIDEXAMPLE1234'), '****1234');
  assert.equal(maskId('AKID1234'), '****');
});

const slips = [
  ['uplaod', 'upload'],
  ['jbos', 'jobs'],
  ['Config', 'config'],
  ['--concurency', '--concurrency'],
  ['frobnicate', undefined],
  ['', undefined],
] as const;
for (const [word, meant] of slips) {
  test(`"${word}" is ${meant === undefined ? 'close to nothing' : `a slip of ${meant}`}`, () => {
    assert.equal(nearest(word, ['upload', 'jobs', 'config', '--concurrency', '--covers']), meant);
  });
}
