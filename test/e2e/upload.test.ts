import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCloudShell, type Cloud, type CloudShell } from '../helpers/cloud.js';
import { createShell, type Ran } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;

function assertNoEscapes(ran: Ran): void {
  assert.doesNotMatch(ran.stdout + ran.stderr, /[\u001b\r]/);
}

describe('vod-upload videos --procedure …', () => {
  let shell: CloudShell;
  let cloud: Cloud;
  let ran: Ran;
  const names = [
    'plain.mp4',
    'with space.mp4',
    'line\nbreak.mp4',
    '视频.mp4',
    '🎬 clip.mp4',
    '[set]*.mp4',
    '-dash.mp4',
  ];

  before(async () => {
    shell = await createCloudShell();
    cloud = shell.cloud;
    for (const name of names) await shell.write(`videos/${name}`, 1000);
    await shell.write('videos/deep/big.mp4', 3 * MIB + 1);
    await shell.write('videos/deep/big.jpg', 100);
    await shell.write('videos/logo.png', 100);
    ran = await shell.run([
      'videos',
      '--procedure',
      'QCVB_SimpleProcessFile(1,1)',
      '--part-size',
      '1M',
      '--sub-app-id',
      '1500001234',
    ]);
  });
  after(() => shell.close());

  test('exits 0 and prints one FileId and path a media', () => {
    assert.equal(ran.code, 0, ran.stderr);
    const lines = ran.stdout.trimEnd().split('\n');
    assert.equal(lines.length, names.length + 1);
    for (const line of lines) assert.match(line, /^\d{15,}\tvideos\//);
  });

  test('writes neither escapes nor carriage returns into a pipe', () => assertNoEscapes(ran));

  test('every media and cover arrives byte for byte', async () => {
    const { results } = await shell.manifest();
    const uploaded = results.filter((record) => record.status === 'uploaded');
    assert.equal(uploaded.length, names.length + 1);
    for (const record of uploaded) {
      const key = record.storage?.path.slice(1) ?? '';
      const sent = await readFile(shell.at(record.path));
      assert.ok(sent.equals(await readFile(cloud.objectPath(key))), record.path);
    }
    const covered = cloud.sessions().find((session) => session.coverKey !== null);
    const cover = await readFile(cloud.objectPath(covered?.coverKey ?? ''));
    assert.ok(cover.equals(await readFile(shell.at('videos/deep/big.jpg'))));
  });

  test('an unpaired image is on record and not uploaded', async () => {
    const { results } = await shell.manifest();
    const image = results.find((record) => record.path === 'videos/logo.png');
    assert.deepEqual([image?.status, image?.reason], ['skipped', 'unpaired-image']);
  });

  test('ApplyUpload carries the fields that were asked for and no others', () => {
    const big = cloud.sessions().find((session) => session.params['MediaName'] === 'big');
    assert.deepEqual(big?.params, {
      MediaType: 'mp4',
      MediaName: 'big',
      CoverType: 'jpg',
      Procedure: 'QCVB_SimpleProcessFile(1,1)',
      SubAppId: 1500001234,
    });
  });

  test('every session is committed once and no upload is left over', () => {
    assert.deepEqual(
      cloud.sessions().map(({ commits, repeats }) => [commits, repeats]),
      cloud.sessions().map(() => [1, 0]),
    );
    assert.equal(cloud.openUploads().length, 0);
  });

  test('the same command again sends nothing and tells the known FileIds', async () => {
    const before = cloud.requests.length;
    const again = await shell.run(['videos', '--sub-app-id', '1500001234', '--json']);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(cloud.requests.length, before);
    const { results } = await shell.manifest();
    const known = results.filter((record) => record.reason === 'already-uploaded');
    assert.deepEqual(
      known.map((record) => record.fileId).sort(),
      cloud
        .sessions()
        .map((session) => session.fileId)
        .sort(),
    );
    for (const line of again.stdout.trimEnd().split('\n')) {
      const event = JSON.parse(line) as Record<string, unknown>;
      assert.equal(event['schema'], 1);
      assert.equal(typeof event['time'], 'string');
    }
  });

  test('no secret is in any output, manifest or state', async () => {
    const secrets = [cloud.secretKey, ...cloud.sessions().map((session) => session.sessionKey)];
    const files = await readdir(shell.dir, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files
        .filter((file) => file.isFile() && !file.name.endsWith('.mp4'))
        .map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
    );
    for (const text of [ran.stdout, ran.stderr, ...texts]) {
      for (const secret of secrets) assert.ok(!text.includes(secret));
    }
  });
});

test('vod-upload . --include-hidden --sandbox passes over what the run itself keeps', async (t) => {
  const shell = await createShell();
  t.after(() => shell.close());
  await shell.write('.a.mp4', 'x');
  for (const status of ['uploaded', 'skipped']) {
    const ran = await shell.run(['.', '--include-hidden', '--sandbox']);
    assert.equal(ran.code, 0, ran.stderr);
    const { results } = await shell.manifest();
    assert.deepEqual(
      results.map((result) => [result.path, result.status]),
      [['.a.mp4', status]],
    );
  }
});

describe('a refusal stops the run at once: exit 5, one request', () => {
  for (const code of [
    'AuthFailure.SignatureFailure',
    'UnauthorizedOperation',
    'FailedOperation.InvalidVodUser',
  ]) {
    test(code, async (t) => {
      const shell = await createCloudShell([`ApplyUpload:${code}*always`]);
      t.after(() => shell.close());
      const names = ['a.mp4', 'b.mp4', 'c.mp4'];
      for (const name of names) await shell.write(name, 'x');
      const ran = await shell.run(names);
      assert.equal(ran.code, 5, ran.stderr);
      assert.ok(ran.stderr.includes(code));
      assert.equal(shell.cloud.requests.length, 1);
    });
  }
});
