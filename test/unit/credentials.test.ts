import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findAccount, resolveAccount } from '../../src/cli/credentials.js';
import type { Account, CredentialQuery, ResolvedCredentials } from '../../src/cli/credentials.js';
import { UsageError } from '../../src/core/errors.js';
import { asNobody } from '../helpers/plan-world.js';

const SECRET = 'gu5t9xGARNpq86cd98joQYCN3EXAMPLE';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vod-upload-credentials-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

async function put(path: string, content: string | object): Promise<void> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
}

const putProfiles = (profiles: object) =>
  put('.config/vod-upload/config.json', { schema: 1, profiles });

const queryOf = (query: Partial<CredentialQuery>): CredentialQuery => {
  return { env: {}, home, warn: assert.fail, ...query };
};

async function resolve(query: Partial<CredentialQuery> = {}): Promise<ResolvedCredentials> {
  return (await resolveAccount(queryOf(query))).credentials;
}

const find = (query: Partial<CredentialQuery> = {}): Promise<Account> =>
  findAccount(queryOf(query));

const pair = (id: string) => ({ secretId: id, secretKey: SECRET });

const environment = {
  TENCENTCLOUD_SECRET_ID: 'AKIDenv',
  TENCENTCLOUD_SECRET_KEY: SECRET,
};

/** The usage error of `run`, which shows no secret. */
async function refusal(run: () => Promise<unknown>): Promise<UsageError> {
  const error: unknown = await run().then(
    () => assert.fail('nothing was refused'),
    (reason: unknown) => reason,
  );
  assert(error instanceof UsageError, String(error));
  const told = JSON.stringify(error.problems) + (error.stack ?? '');
  assert(!told.includes('gu5t9x'), `a secret is shown: ${told}`);
  return error;
}

async function putEverything(): Promise<void> {
  await putProfiles({ default: pair('AKIDdefault'), staging: pair('AKIDstaging') });
  await put('.tccli/default.credential', pair('AKIDtccli'));
  await put('.tccli/other.credential', pair('AKIDother'));
  await put(
    '.tencentcloud/credentials',
    `[default]\nsecret_id = AKIDsdk\nsecret_key = ${SECRET}\n`,
  );
}

test('a profile that is asked for beats the environment', async () => {
  await putEverything();
  const found = await resolve({ profile: 'staging', env: environment });
  assert.equal(found.secretId, 'AKIDstaging');
  assert.match(found.source, /^profile "staging" of .*config\.json$/);
});

test('a profile that is asked for is looked for in tccli where it is none of ours', async () => {
  await putEverything();
  const found = await resolve({ profile: 'other', env: environment });
  assert.equal(found.secretId, 'AKIDother');
  assert.match(found.source, /other\.credential$/);
});

test('the environment, the default profile, tccli and the SDKs are asked in this order', async () => {
  await putEverything();
  const order = [(await resolve({ env: environment })).secretId];
  for (const gone of ['', '.config', '.tccli']) {
    if (gone !== '') await rm(join(home, gone), { recursive: true });
    order.push((await resolve()).secretId);
  }
  assert.deepEqual(order, ['AKIDenv', 'AKIDdefault', 'AKIDtccli', 'AKIDsdk']);
});

test('an unknown profile is refused with the names of those that are known', async () => {
  await putEverything();
  const error = await refusal(() => resolve({ profile: 'stagin', env: environment }));
  assert.match(error.message, /known are default, other, staging$/);
  assert.match(error.problems[0]?.hint ?? '', /--profile staging/);
});

test('the name of a profile cannot leave its directory', async () => {
  await put('elsewhere.credential', pair('AKIDelsewhere'));
  await mkdir(join(home, '.tccli'));
  await refusal(() => resolve({ profile: '../elsewhere' }));
  await refusal(() => resolve({ env: { TCCLI_PROFILE: '../elsewhere' } }));
});

const halves: [string, Record<string, string>, RegExp][] = [
  ['SECRET_ID alone', { TENCENTCLOUD_SECRET_ID: 'AKIDenv' }, /TENCENTCLOUD_SECRET_KEY is missing/],
  ['SECRET_KEY alone', { TENCENTCLOUD_SECRET_KEY: SECRET }, /TENCENTCLOUD_SECRET_ID is missing/],
  [
    'an empty SECRET_KEY',
    { ...environment, TENCENTCLOUD_SECRET_KEY: ' ' },
    /TENCENTCLOUD_SECRET_KEY is missing/,
  ],
];
for (const [name, env, message] of halves) {
  test(`half a pair in the environment is an error, not a fall-through: ${name}`, async () => {
    await putEverything();
    assert.match((await refusal(() => resolve({ env }))).message, message);
  });
}

test('half a pair in a file is an error that names the other half', async () => {
  await put('.tencentcloud/credentials', `[default]\nsecret_key = ${SECRET}\n`);
  assert.match((await refusal(() => resolve())).message, /secret_id is missing/);
  await put('.tccli/default.credential', { secretKey: SECRET });
  assert.match((await refusal(() => resolve())).message, /secretId is missing/);
  await putProfiles({ default: { secretKey: SECRET } });
  assert.match((await refusal(() => resolve())).message, /secret-id is missing/);
});

test('variables that are set to nothing count as absent', async () => {
  await putEverything();
  const env = { TENCENTCLOUD_SECRET_ID: '', TENCENTCLOUD_SECRET_KEY: '', TCCLI_PROFILE: '' };
  assert.equal((await resolve({ env })).secretId, 'AKIDdefault');
});

test('the first token variable that is set counts', async () => {
  const env = { ...environment, TENCENTCLOUD_TOKEN: '', TENCENTCLOUD_SECURITY_TOKEN: 'third' };
  assert.equal((await resolve({ env })).token, 'third');
  const both = { ...env, TENCENTCLOUD_SESSION_TOKEN: 'second' };
  assert.equal((await resolve({ env: both })).token, 'second');
  assert.equal('token' in (await resolve({ env: environment })), false);
});

test('white space around a key is dropped', async () => {
  const env = { TENCENTCLOUD_SECRET_ID: ' AKIDenv\n', TENCENTCLOUD_SECRET_KEY: `${SECRET}\r\n` };
  const { secretId, secretKey } = await resolve({ env });
  assert.deepEqual({ secretId, secretKey }, pair('AKIDenv'));
});

for (const [name, value] of [
  ['a space', `gu5t9x ${SECRET}`],
  ['a line break', `${SECRET}\n${SECRET}`],
  ['quotes', `"${SECRET}"`],
  ['a letter beyond ASCII', `${SECRET}é`],
] as const) {
  test(`a key with ${name} in it is refused and not shown`, async () => {
    const env = { ...environment, TENCENTCLOUD_SECRET_KEY: value };
    const error = await refusal(() => resolve({ env }));
    assert.match(error.message, /TENCENTCLOUD_SECRET_KEY/);
  });
}

test('settings follow the keys of their profile', async () => {
  await putProfiles({
    default: { ...pair('AKIDdefault'), region: 'ap-beijing', subAppId: 12 },
  });
  assert.deepEqual((await find()).profileSettings, { region: 'ap-beijing', subAppId: 12 });
  assert.deepEqual((await find({ env: environment })).profileSettings, {});
});

test('a default profile without keys is settings for any keys, or none', async () => {
  await putProfiles({ default: { region: 'ap-beijing' } });
  const { credentials, profileSettings } = await find({ env: environment });
  assert.equal(credentials?.secretId, 'AKIDenv');
  assert.deepEqual(profileSettings, { region: 'ap-beijing' });
  assert.deepEqual(await find(), { profileSettings });
});

test('a profile that is asked for and holds no keys takes them from nowhere else', async () => {
  await putProfiles({ staging: { region: 'ap-beijing' } });
  const error = await refusal(() => resolve({ profile: 'staging', env: environment }));
  assert.match(error.message, /holds no keys/);
});

test('TCCLI_PROFILE chooses among the profiles of tccli, and must exist', async () => {
  await put('.tccli/other.credential', pair('AKIDother'));
  assert.equal((await resolve({ env: { TCCLI_PROFILE: 'other' } })).secretId, 'AKIDother');
  const error = await refusal(() => resolve({ env: { TCCLI_PROFILE: 'gone' } }));
  assert.match(error.message, /"gone"/);
});

for (const [type, command] of [
  ['oauth', 'tccli auth login'],
  ['sso', 'tccli sso login'],
] as const) {
  test(`a ${type} login of tccli counts until it expires`, async () => {
    const expiresAt = 1_700_000_000;
    await put('.tccli/default.credential', { ...pair('AKIDlogin'), token: 't', type, expiresAt });
    const before = () => new Date(expiresAt * 1000 - 1);
    const after = () => new Date(expiresAt * 1000);
    assert.equal((await resolve({ now: before })).token, 't');
    const error = await refusal(() => resolve({ now: after }));
    assert.match(error.problems[0]?.hint ?? '', new RegExp(command));
  });
}

test('a tccli profile that names a role is refused, since its bare keys are someone else', async () => {
  await put('.tccli/default.credential', { ...pair('AKIDbase'), 'role-arn': 'qcs::cam::uin/1' });
  assert.match((await refusal(() => resolve())).message, /role/);
  await put('.tccli/default.credential', { type: 'cvm-role' });
  assert.match((await refusal(() => resolve())).message, /role/);
});

test('a token that tccli stores as null is no token', async () => {
  await put('.tccli/default.credential', { ...pair('AKIDtccli'), token: null });
  assert.equal('token' in (await resolve()), false);
});

test('a damaged file is named and its content is not shown', async () => {
  await put('.tccli/default.credential', `{"secretKey": ${SECRET}`);
  assert.match((await refusal(() => resolve())).message, /default\.credential is damaged/);
});

test('only the section [default] of the file of the SDKs counts', async () => {
  await put(
    '.tencentcloud/credentials',
    `; mine\r\n[work]\r\nsecret_id=AKIDwork\r\n[default]\r\nsecret_id=AKIDsdk\r\nsecret_key = ${SECRET}\r\ntoken = t==\r\n[x]\r\nsecret_id=AKIDx\r\n`,
  );
  const { secretId, token } = await resolve();
  assert.deepEqual({ secretId, token }, { secretId: 'AKIDsdk', token: 't==' });
});

test('without any keys, the remedy names variables, config and --sandbox', async () => {
  const hint = (await refusal(() => resolve())).problems[0]?.hint ?? '';
  for (const remedy of ['TENCENTCLOUD_SECRET_ID', 'vod-upload config set', '--sandbox']) {
    assert(hint.includes(remedy), hint);
  }
});

test('keys that are renewed in their file are followed', async () => {
  await put('.tccli/default.credential', { ...pair('AKIDold'), token: 'old' });
  const { current } = await resolve();
  assert.equal((await current()).token, 'old');
  await put('.tccli/default.credential', { ...pair('AKIDnew'), token: 'renewed' });
  assert.deepEqual(await current(), { ...pair('AKIDnew'), token: 'renewed' });
});

test('a file that is half written or gone leaves the keys as they were until it is whole', async () => {
  const file = '.tccli/default.credential';
  await put(file, pair('AKIDold'));
  const { current } = await resolve();
  await put(file, '{"secretId": "AK');
  assert.equal((await current()).secretId, 'AKIDold');
  await rm(join(home, file));
  assert.equal((await current()).secretId, 'AKIDold');
  await put(file, pair('AKIDnew'));
  assert.equal((await current()).secretId, 'AKIDnew');
});

test('renewed keys of a profile of ours are followed, even of the same length', async () => {
  await putProfiles({ default: pair('AKID1') });
  const { current } = await resolve();
  await putProfiles({ default: pair('AKID2') });
  await utimes(join(home, '.config/vod-upload/config.json'), 1, 1);
  assert.equal((await current()).secretId, 'AKID2');
});

test('keys whose file does not answer stay as they were until it does, and are asked for once', async () => {
  const file = '.tccli/default.credential';
  await put(file, pair('AKIDfirst'));
  const { current } = await resolve();
  await rm(join(home, file));
  // Nobody writes to it yet: whoever opens it waits.
  spawnSync('mkfifo', [join(home, file)]);
  const since = performance.now();
  const found = await Promise.all(Array.from({ length: 20 }, () => current()));
  assert.deepEqual(new Set(found.map(({ secretId }) => secretId)), new Set(['AKIDfirst']));
  assert.ok(performance.now() - since < 2000);
  const again = performance.now();
  assert.equal((await current()).secretId, 'AKIDfirst');
  assert.ok(performance.now() - again < 500);
  const pipe = await open(join(home, file), 'r+');
  await rm(join(home, file));
  await put(file, pair('AKIDsecond'));
  await pipe.close();
  while ((await current()).secretId !== 'AKIDsecond') await sleep(5);
});

test('who is kept out of the home needs no profile where the environment has keys', async () => {
  const closed = join(home, 'closed');
  await mkdir(closed, { mode: 0 });
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  await asNobody(async () => {
    const found = await resolve({ home: closed, env: environment, warn });
    assert.equal(found.secretId, 'AKIDenv');
    assert.deepEqual(warnings, [
      `${closed}/.config/vod-upload may not be entered: no profile is read`,
    ]);
    for (const query of [{}, { env: environment, profile: 'default' }]) {
      const { problems } = await refusal(() => resolve({ home: closed, ...query }));
      assert.match(problems[0]?.message ?? '', /closed\/\.config\/vod-upload may not be entered/);
      assert.match(problems[0]?.hint ?? '', /XDG_CONFIG_HOME/);
    }
  });
});
