import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startCloud, type Cloud } from '../helpers/cloud.js';
import { createShell, type Ran, type Shell } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;

interface Manifest {
  readonly exitCode: number;
  readonly summary: Readonly<Record<string, number>>;
  readonly results: readonly {
    readonly path: string;
    readonly status: string;
    readonly reason: string | null;
    readonly fileId: string | null;
    readonly storage: { readonly path: string } | null;
    readonly cover: { readonly path: string } | null;
    readonly error: { readonly code: string; readonly stage: string } | null;
  }[];
}

async function manifestOf(shell: Shell): Promise<Manifest> {
  return JSON.parse(
    await readFile(join(shell.dir, 'vod-upload-manifest.json'), 'utf8'),
  ) as Manifest;
}

function assertNoEscapes(ran: Ran): void {
  assert.doesNotMatch(ran.stdout + ran.stderr, /[\u001b\r]/);
}

describe('vod-upload videos --procedure …', () => {
  let cloud: Cloud;
  let shell: Shell;
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
    cloud = await startCloud();
    shell = await createShell(cloud.env);
    await mkdir(join(shell.dir, 'videos/deep'), { recursive: true });
    for (const name of names) await writeFile(join(shell.dir, 'videos', name), randomBytes(1000));
    await writeFile(join(shell.dir, 'videos/deep/big.mp4'), randomBytes(3 * MIB + 1));
    await writeFile(join(shell.dir, 'videos/deep/big.jpg'), randomBytes(100));
    await writeFile(join(shell.dir, 'videos/logo.png'), randomBytes(100));
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
  after(async () => {
    await shell.close();
    await cloud.close();
  });

  test('exits 0 and prints one FileId and path a media', () => {
    assert.equal(ran.code, 0, ran.stderr);
    const lines = ran.stdout.trimEnd().split('\n');
    assert.equal(lines.length, names.length + 1);
    for (const line of lines) assert.match(line, /^\d{15,}\tvideos\//);
  });

  test('writes neither escapes nor carriage returns into a pipe', () => assertNoEscapes(ran));

  test('every media and cover arrives byte for byte', async () => {
    const { results } = await manifestOf(shell);
    const uploaded = results.filter((record) => record.status === 'uploaded');
    assert.equal(uploaded.length, names.length + 1);
    for (const record of uploaded) {
      const key = (record.storage as { path: string }).path.slice(1);
      const sent = await readFile(join(shell.dir, record.path));
      assert.ok(sent.equals(await readFile(cloud.objectPath(key))), record.path);
    }
    const covered = cloud.sessions().find((session) => session.coverKey !== null);
    const cover = await readFile(cloud.objectPath(covered?.coverKey ?? ''));
    assert.ok(cover.equals(await readFile(join(shell.dir, 'videos/deep/big.jpg'))));
  });

  test('an unpaired image is on record and not uploaded', async () => {
    const { results } = await manifestOf(shell);
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
    const { results } = await manifestOf(shell);
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
  await writeFile(join(shell.dir, '.a.mp4'), 'x');
  for (const status of ['uploaded', 'skipped']) {
    const ran = await shell.run(['.', '--include-hidden', '--sandbox']);
    assert.equal(ran.code, 0, ran.stderr);
    const { results } = await manifestOf(shell);
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
    test(code, async () => {
      const cloud = await startCloud([`ApplyUpload:${code}*always`]);
      const shell = await createShell(cloud.env);
      try {
        for (const name of ['a', 'b', 'c']) await writeFile(join(shell.dir, `${name}.mp4`), 'x');
        const ran = await shell.run(['a.mp4', 'b.mp4', 'c.mp4']);
        assert.equal(ran.code, 5, ran.stderr);
        assert.ok(ran.stderr.includes(code));
        assert.equal(cloud.requests.length, 1);
      } finally {
        await shell.close();
        await cloud.close();
      }
    });
  }
});
