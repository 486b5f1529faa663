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

describe('bad input costs nothing: exit 2, a reason, a remedy, no request', () => {
  let cloud: Cloud;
  let shell: Shell;
  before(async () => {
    cloud = await startCloud();
    shell = await createShell(cloud.env);
    await writeFile(join(shell.dir, 'a.mp4'), 'x');
    await writeFile(join(shell.dir, 'empty.mp4'), '');
    await writeFile(join(shell.dir, 'notes.txt'), 'x');
  });
  after(async () => {
    await shell.close();
    await cloud.close();
  });

  const rows: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a missing file', ['gone.mp4'], /gone\.mp4/],
    ['a directory that is missing', ['gone/'], /gone\//],
    ['an empty file', ['empty.mp4'], /empty/],
    ['an unsupported extension', ['notes.txt'], /notes\.txt/],
    ['a missing cover', ['a.mp4', '--cover', 'gone.jpg'], /gone\.jpg/],
    ['a source context of 251 characters', ['a.mp4', '--source-context', 'x'.repeat(251)], /250/],
    ['a session context of 1001', ['a.mp4', '--session-context', 'x'.repeat(1001)], /1000/],
    ['a bad size', ['a.mp4', '--part-size', '8X'], /8X/],
    ['a bad duration', ['a.mp4', '--min-age', 'soon'], /soon/],
    ['a manifest where none can be', ['a.mp4', '--manifest', 'no/such/m.json'], /no\/such/],
    ['a manifest that would replace a video', ['--manifest', 'a.mp4', 'a.mp4'], /took a\.mp4/],
    [
      'jobs resume: a manifest where none can be',
      ['jobs', 'resume', '--manifest', 'no/such/m.json'],
      /no\/such/,
    ],
    [
      'jobs resume: a manifest that would replace a video',
      ['jobs', 'resume', '--manifest', 'a.mp4'],
      /took a\.mp4/,
    ],
    ['an empty state directory', ['a.mp4', '--state-dir', ''], /'--state-dir <dir>'.*it is empty/],
    ['an empty region', ['a.mp4', '--region='], /'--region <region>'.*it is empty/],
    [
      'an empty directory of a sandbox',
      ['a.mp4', '--sandbox='],
      /'--sandbox \[dir\]'.*it is empty/,
    ],
    [
      'a sandbox where none can be',
      ['a.mp4', '--sandbox=notes.txt/x'],
      /cannot keep objects in .*x/,
    ],
    [
      'a sandbox where the system takes no directory',
      ['a.mp4', '--sandbox=/proc/x'],
      /cannot keep objects in \/proc\/x/,
    ],
    [
      'a sandbox in what takes no directory',
      ['a.mp4', '--sandbox=/proc'],
      /cannot keep .* \/proc:/,
    ],
    [
      'a sandbox to serve where none can be',
      ['sandbox', '--port', '0', '--dir', 'notes.txt/x'],
      /cannot keep objects in .*x/,
    ],
    [
      'an empty storage region',
      ['a.mp4', '--storage-region', ''],
      /'--storage-region <region>'.*it is empty/,
    ],
    [
      'a name that would forge a line',
      ['a.mp4', '--manifest', 'no\n::error::/m.json'],
      /no\\n::error::\/m\.json/,
    ],
    ['an empty directory to serve', ['sandbox', '--dir', ''], /'--dir <dir>'.*it is empty/],
    ['an empty procedure', ['a.mp4', '--procedure', ''], /'--procedure <name>'.*it is empty/],
    ['an empty source context', ['a.mp4', '--source-context='], /'--source-context .*it is empty/],
    ['an empty session context', ['a.mp4', '--session-context='], /session-context .*it is empty/],
    ['an empty extension', ['a.mp4', '--ext-info='], /'--ext-info <text>'.*it is empty/],
    [
      'an empty name of a file of patterns',
      ['a.mp4', '--exclude-from', ''],
      /'--exclude-from <file>'.*it is empty/,
    ],
    ['an empty name of a list', ['--files-from', ''], /'--files-from <file>'.*it is empty/],
    ['an unknown profile', ['a.mp4', '--profile', 'nobody'], /nobody/],
    ['an unknown flag', ['a.mp4', '--procedur', 'x'], /--procedure/],
    ['no input at all', [], /nothing to upload/],
  ];
  for (const [name, args, pattern] of rows) {
    test(name, async () => {
      const ran = await shell.run(args);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, pattern);
      assert.equal(ran.stdout, '');
      assert.equal(cloud.requests.length, 0);
      assert.equal(await readFile(join(shell.dir, 'a.mp4'), 'utf8'), 'x');
    });
  }

  test('an endpoint that is empty in the environment is none, and is none on the command line', async () => {
    const env = { VOD_UPLOAD_VOD_ENDPOINT: '', VOD_UPLOAD_COS_ENDPOINT: '' };
    const unset = await shell.run(['a.mp4', '--dry-run'], { env });
    assert.equal(unset.code, 0, unset.stderr);
    const empty = await shell.run(['a.mp4', '--dry-run', '--vod-endpoint='], { env });
    assert.equal(empty.code, 2, empty.stderr);
  });

  test('--help tells the default of --part-size', async () => {
    const { stdout } = await shell.run(['upload', '--help']);
    assert.match(stdout, /--part-size <size\|auto>[^]*?default:\s+auto:\s+8MiB[^]*--limit-rate/);
  });

  test('half a credential pair', async () => {
    const ran = await shell.run(['a.mp4'], { env: { TENCENTCLOUD_SECRET_KEY: '' } });
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /TENCENTCLOUD_SECRET_KEY/);
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

describe('inputs without media: a warning, and exit 4 where nothing else is left', () => {
  let cloud: Cloud;
  let shell: Shell;
  before(async () => {
    cloud = await startCloud();
    shell = await createShell(cloud.env);
    await mkdir(join(shell.dir, 'bare'));
    await writeFile(join(shell.dir, 'a.mp4'), 'x');
  });
  after(async () => {
    await shell.close();
    await cloud.close();
  });

  const rows: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ['a directory', ['bare'], 4, /there is no media in bare/],
    ['a glob', ['*.mov'], 4, /\*\.mov matches nothing/],
    ['a directory, and a file', ['bare', 'a.mp4'], 0, /there is no media in bare/],
    ['a directory, with --allow-empty', ['bare', '--allow-empty'], 0, /nothing sent/],
  ];
  for (const [name, args, code, pattern] of rows) {
    test(name, async () => {
      const ran = await shell.run(args);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stderr, pattern);
    });
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
