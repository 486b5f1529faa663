import assert from 'node:assert/strict';
import { spawn, type SpawnOptionsWithoutStdio } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../bin/vod-upload.js', import.meta.url));
const SECRET = 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vod-upload-config-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Types `vod-upload config …` with `stdin` piped in. */
async function config(
  args: readonly string[],
  stdin = '',
  spawned: SpawnOptionsWithoutStdio = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, 'config', ...args], {
    env: { PATH: process.env['PATH'], HOME: home },
    ...spawned,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(stdin);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  assert(!`${stdout}${stderr}`.includes(SECRET), 'a secret is shown');
  return { code, stdout, stderr };
}

const file = () => join(home, '.config', 'vod-upload', 'config.json');

test('config set secret-key, piped in, is stored for its owner only and never shown', async () => {
  assert.equal((await config(['set', 'secret-id', 'AKIDEXAMPLE1234'])).code, 0);
  assert.equal((await config(['set', 'secret-key'], `${SECRET}\n`)).code, 0);
  assert.equal((await stat(file())).mode & 0o777, 0o600);
  assert((await readFile(file(), 'utf8')).includes(SECRET));
  assert.equal((await config(['get', 'secret-key'])).stdout, '(set)\n');
  assert.equal((await config(['get', 'secret-id'])).stdout, '****1234\n');
  assert.equal(
    (await config(['list'])).stdout,
    '[default]\nsecret-id = ****1234\nsecret-key = (set)\n',
  );
});

test('config set secret-key VALUE is refused without repeating it', async () => {
  const { code, stderr } = await config(['set', 'secret-key', SECRET]);
  assert.equal(code, 2);
  assert.match(stderr, /not taken from the command line/);
  await assert.rejects(stat(file()), { code: 'ENOENT' });
});

test('what config set and get tell to type changes the profile that was asked for', async () => {
  const staging = ['--profile', 'staging'];
  for (const [args, remedy] of [
    [['set', 'secret-key', SECRET], /"vod-upload config set secret-key --profile staging"/],
    [['set', 'region'], /vod-upload config set region <value> --profile staging\./],
    [['get', 'region'], /"vod-upload config set region --profile staging"/],
  ] as const) {
    const { code, stderr } = await config([...args, ...staging]);
    assert.equal(code, 2);
    assert.match(stderr, remedy);
  }
});

test('config set secret-key=VALUE is refused without repeating it', async () => {
  const { code, stderr } = await config(['set', `secret-key=${SECRET}`]);
  assert.equal(code, 2);
  assert.match(stderr, /secret-key/);
});

test('config set secret-key < /dev/null says that nothing came', async () => {
  const { code, stderr } = await config(['set', 'secret-key']);
  assert.equal(code, 2);
  assert.match(stderr, /no value for secret-key/);
});

test('config set sub-app-id 12 --profile staging leaves the default profile alone', async () => {
  assert.equal((await config(['set', 'sub-app-id', '12', '--profile', 'staging'])).code, 0);
  assert.equal((await config(['get', 'sub-app-id', '--profile', 'staging'])).stdout, '12\n');
  const { code, stderr } = await config(['get', 'sub-app-id']);
  assert.equal(code, 2);
  assert.match(stderr, /sub-app-id is not set in profile "default"/);
  const listed = JSON.parse((await config(['list', '--json'])).stdout) as { profiles: unknown };
  assert.deepEqual(listed.profiles, { staging: { subAppId: 12 } });
});

test('config set sub-app-id twelve stores nothing', async () => {
  const { code, stderr } = await config(['set', 'sub-app-id', 'twelve']);
  assert.equal(code, 2);
  assert.match(stderr, /sub-app-id must be an integer/);
  await assert.rejects(stat(file()), { code: 'ENOENT' });
});

test('config unset region removes it, and says so when there is none', async () => {
  await config(['set', 'region', 'ap-beijing']);
  assert.match((await config(['unset', 'region'])).stderr, /is removed/);
  const again = await config(['unset', 'region']);
  assert.equal(again.code, 0);
  assert.match(again.stderr, /was not set/);
});

test('config get regoin names the nearest key', async () => {
  const { code, stderr } = await config(['get', 'regoin']);
  assert.equal(code, 2);
  assert.match(stderr, /Write region/);
});

test('config path prints the file, whether it exists or not', async () => {
  assert.deepEqual(await config(['path']), { code: 0, stdout: `${file()}\n`, stderr: '' });
});

test('config --help shows examples before the usage, and all keys', async () => {
  const { code, stdout } = await config(['--help']);
  assert.equal(code, 0);
  assert(stdout.indexOf('Examples:') < stdout.indexOf('Usage:'));
  assert.match(stdout, /secret-id, secret-key, token, region/);
});

test('an empty HOME is none: settings are not looked for in the current directory', async () => {
  assert.equal((await config(['set', 'sub-app-id', '12', '--profile', 'of-directory'])).code, 0);
  const env = { PATH: process.env['PATH'], HOME: '' };
  const { code, stdout } = await config(['list'], '', { cwd: home, env });
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /of-directory/);
});

test('a HOME that is no directory holds no profiles', async () => {
  const env = { PATH: process.env['PATH'], HOME: '/dev/null' };
  const { code, stderr } = await config(['list'], '', { env });
  assert.deepEqual([code, stderr], [0, '']);
});

test(
  'a user whom the system does not know needs no HOME',
  { skip: process.getuid?.() !== 0 && 'needs the superuser' },
  async () => {
    const spawned = { uid: 54_321, env: { PATH: process.env['PATH'] }, cwd: '/' };
    const { code, stderr } = await config(['list'], '', spawned);
    assert.deepEqual([code, stderr], [0, '']);
  },
);

test('config list --profile refuses one that does not exist, and names those that do', async () => {
  await config(['set', 'region', 'ap-beijing', '--profile', 'staging']);
  const { code, stdout, stderr } = await config(['list', '--profile', 'stagin']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /unknown profile "stagin": known are staging/);
  assert.match(stderr, /Write --profile staging/);
});
