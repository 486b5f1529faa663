import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { MIB } from '../../src/core/parts.js';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';

let shell: CloudShell;

beforeEach(async () => {
  shell = await createCloudShell();
  await shell.write('a.mp4', 'content');
});

afterEach(() => shell.close());

function setProfile(settings: object): Promise<void> {
  const config = { schema: 1, profiles: { default: settings } };
  return shell.write('config/vod-upload/config.json', JSON.stringify(config));
}

describe('--dry-run decides as the run would', () => {
  test('of a sandbox, whatever the profiles say', async () => {
    const keys = { secretId: 'AKIDown', secretKey: 'own' };
    await setProfile({ ...keys, subAppId: 777, procedure: 'PP' });
    const run = ['a.mp4', '--sandbox=sandbox'];
    const before = await shell.run([...run, '--dry-run', '--json']);
    assert.match(before.stdout, /"action":"upload"/);
    assert.doesNotMatch(before.stdout, /777|PP/);
    for (const args of [run, [...run, '--profile', 'nobody']]) {
      const ran = await shell.run(args);
      assert.equal(ran.code, 0, ran.stderr);
      const planned = await shell.run([...args, '--dry-run']);
      assert.match(planned.stdout, /^skip {4}a\.mp4 \(already-uploaded/, planned.stderr);
    }
  });

  test('with the settings of a profile that counts with and without keys', async () => {
    await setProfile({ subAppId: 777 });
    const ran = await shell.run(['a.mp4']);
    assert.equal(ran.code, 0, ran.stderr);
    const without = { TENCENTCLOUD_SECRET_ID: '', TENCENTCLOUD_SECRET_KEY: '' };
    for (const env of [{}, without]) {
      const planned = await shell.run(['a.mp4', '--dry-run'], { env });
      assert.match(planned.stdout, /^skip {4}a\.mp4 \(already-uploaded/, planned.stderr);
    }
  });

  test('of what an earlier run has begun without its cover', async () => {
    await shell.write('big.mp4', Buffer.alloc(3 * MIB));
    await shell.write('big.jpg', 'cover');
    const run = ['big.mp4', '--part-size', '1M'];
    shell.cloud.fail('PutObject:400', 'UploadPart#3:AccessDenied');
    assert.equal((await shell.run([...run, '--cover-failure', 'drop'])).code, 5);
    const dry = async (...flags: string[]): Promise<string> =>
      (await shell.run([...run, ...flags, '--dry-run'])).stdout;
    const dropping = await dry('--cover-failure', 'drop');
    assert.match(dropping, /^resume {2}big\.mp4 /);
    assert.doesNotMatch(dropping, /cover/);
    assert.match(await dry(), /^upload {2}big\.mp4 .*cover/);
  });

  test('and refuses what it refuses, but for keys that are missing altogether', async () => {
    const half = { TENCENTCLOUD_SECRET_KEY: '' };
    const { code, stderr } = await shell.run(['a.mp4', '--dry-run'], { env: half });
    assert.equal(code, 2);
    assert.match(stderr, /TENCENTCLOUD_SECRET_KEY is missing/);
    await setProfile({ subAppId: 'twelve' });
    assert.equal((await shell.run(['a.mp4', '--dry-run'])).code, 2);
  });
});
