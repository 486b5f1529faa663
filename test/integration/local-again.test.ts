import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startCloud, type Cloud } from '../helpers/cloud.js';
import { createShell, type Ran, type Shell } from '../helpers/run-cli.js';

let cloud: Cloud;
let shell: Shell;

beforeEach(async () => {
  cloud = await startCloud();
  shell = await createShell(cloud.env);
  await write('a.mp4');
});

afterEach(async () => {
  await shell.close();
  await cloud.close();
});

const LONG_NAME = 'the first name that this media was given';
const OPTIONS = ['--name', LONG_NAME, '--procedure', 'First'];
const OTHER_OPTIONS = ['--name', 'second', '--procedure', 'Second', '--media-type', 'mov'];

const write = (name: string, size = 1000): Promise<void> =>
  writeFile(join(shell.dir, name), randomBytes(size));

const upload = (...args: string[]): Promise<Ran> => shell.run(['a.mp4', ...args]);

async function firstRecord(): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(join(shell.dir, 'vod-upload-manifest.json'), 'utf8');
  const [record] = (JSON.parse(text) as { readonly results: readonly Record<string, unknown>[] })
    .results;
  assert.ok(record);
  return record;
}

/** Name, procedure and type of the first record. */
async function toldOptions(): Promise<unknown[]> {
  const { name, procedure, mediaType } = await firstRecord();
  return [name, procedure, mediaType];
}

describe('a file that is skipped is told from what was uploaded: --force uploads it again', () => {
  test('where its cover came later, or was replaced', async () => {
    await upload();
    await write('a.jpg', 100);
    const added = await upload();
    assert.match(added.stderr, /was uploaded with other options \(cover\): --force/);
    const forced = await upload('--force');
    assert.equal(forced.code, 0, forced.stderr);
    assert.doesNotMatch((await upload()).stderr, /other/);
    await write('a.jpg', 200);
    for (const args of [[], ['--checksum']]) {
      const replaced = await upload(...args);
      assert.equal(replaced.code, 0, replaced.stderr);
      assert.match(replaced.stderr, /was uploaded with other options \(cover\): --force/);
      const { cover, reason } = await firstRecord();
      assert.equal(reason, 'already-uploaded');
      assert.equal((cover as { readonly size: number }).size, 100);
    }
  });

  test('where it was to expire at another time, or is to expire no more', async () => {
    await upload('--expire-time', '2131-01-01');
    const changed = /was uploaded with other options \(expireTime\): --force/;
    assert.match((await upload('--expire-time', '2132-01-01T00:00:00Z')).stderr, changed);
    assert.match((await upload()).stderr, changed);
    assert.doesNotMatch((await upload('--expire-time', '2131-01-01T00:00:00Z')).stderr, /other/);
  });

  test('where a segment of its playlist has changed', async () => {
    await write('one.ts');
    await write('two.ts');
    await writeFile(join(shell.dir, 'list.m3u8'), '#EXTM3U\none.ts\ntwo.ts\n');
    const playlist = ['list.m3u8', '--json'];
    await shell.run(playlist);
    assert.doesNotMatch((await shell.run(playlist)).stderr, /other/);
    await write('two.ts');
    for (const args of [[], ['--checksum']]) {
      const again = await shell.run([...playlist, ...args]);
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stderr, /was uploaded with other segments: --force uploads it again/);
    }
  });

  test('but not where a copy of its cover has another time than the first', async () => {
    await write('a.jpg', 100);
    await upload('--checksum');
    await rename(join(shell.dir, 'a.mp4'), join(shell.dir, 'b.mp4'));
    await copyFile(join(shell.dir, 'a.jpg'), join(shell.dir, 'b.jpg'));
    for (const args of [['--checksum'], []]) {
      const copy = await shell.run(['b.mp4', ...args]);
      assert.equal((await firstRecord())['reason'], 'already-uploaded');
      assert.match(copy.stderr, /was uploaded with other options \(mediaName\)/);
    }
  });
});

describe('a source that is missing may be on a disk that is away: what is stored of it stays', () => {
  const moveAway = (): Promise<void> => rename(join(shell.dir, 'a.mp4'), join(shell.dir, 'away'));

  /** Exit 3; once the file is back, its upload goes on. */
  async function assertKept({ code, stderr }: Ran, env: Cloud['env']): Promise<void> {
    assert.equal(code, 3, stderr);
    const { error } = await firstRecord();
    assert.equal((error as { readonly code: string }).code, 'source-missing');
    await rename(join(shell.dir, 'away'), join(shell.dir, 'a.mp4'));
    const resumed = await shell.run(['jobs', 'resume'], { env });
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(cloud.sessions().length, 1);
    assert.deepEqual(cloud.openUploads(), []);
  }

  test('where jobs resume looks for it', async () => {
    await cloud.close();
    cloud = await startCloud(['UploadPart#2:InternalError']);
    const { env } = cloud;
    await write('a.mp4', 3_000_000);
    const args = ['--part-size', '1M', '--retries', '0', '--fail-fast'];
    await shell.run(['a.mp4', ...args], { env });
    await moveAway();
    await assertKept(await shell.run(['jobs', 'resume'], { env }), env);
  });

  test('where it goes during the run', async () => {
    await cloud.close();
    cloud = await startCloud(['PutObject:delay=1500']);
    const { env } = cloud;
    const running = shell.start(['a.mp4'], { env });
    while (cloud.requests.every(({ operation }) => operation !== 'PutObject')) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await moveAway();
    await assertKept(await running.ended, env);
  });
});

test('jobs resume gives up a file that has changed, and says to upload it: exit 3', async () => {
  await cloud.close();
  cloud = await startCloud(['PutObject:InternalError']);
  const { env } = cloud;
  await shell.run(['a.mp4', '--retries', '0', '--fail-fast'], { env });
  await write('a.mp4', 2000);
  const resumed = await shell.run(['jobs', 'resume'], { env });
  assert.equal(resumed.code, 3, resumed.stderr);
  assert.match(resumed.stderr, /Upload the file as it is now: vod-upload <path>/);
  const { code, retryable } = (await firstRecord())['error'] as Readonly<Record<string, unknown>>;
  assert.deepEqual([code, retryable], ['source-changed', false]);
  assert.equal((await shell.run(['jobs', 'list'])).stdout, '');
});

describe('-v says why an unfinished upload is abandoned', () => {
  for (const [why, change, args, reason] of [
    ['as was asked for', undefined, ['--no-resume'], 'is begun anew, --no-resume'],
    ['since the file has changed', 'a.mp4', [], 'has changed'],
    ['since it has a cover now', 'a.jpg', [], 'has another cover, other segments or other content'],
  ] as const) {
    test(why, async () => {
      await cloud.close();
      cloud = await startCloud(['PutObject:InternalError']);
      const env = cloud.env;
      const first = await shell.run(['a.mp4', '--retries', '0', '--fail-fast'], { env });
      assert.equal(first.code, 6, first.stderr);
      if (change !== undefined) await write(change, 2000);
      const second = await shell.run(['a.mp4', '-v', ...args], { env });
      assert.equal(second.code, 0, second.stderr);
      assert.ok(
        second.stderr.includes(`a.mp4: ${reason}: its unfinished upload is abandoned`),
        second.stderr,
      );
    });
  }
});

describe('a manifest whose run had flags that the next one has not', () => {
  test('is warned of: --jobs vod-upload-manifest.json', async () => {
    await cloud.close();
    cloud = await startCloud(['ApplyUpload:503*2']);
    const { env } = cloud;
    const flags = ['--sub-app-id', '5', '--class-id', '3', '--source-context', 'a b'];
    const first = await shell.run(['a.mp4', ...flags, '--name', 'n', '--retries', '0'], { env });
    assert.equal(first.code, 8, first.stderr);
    const list = ['--jobs', 'vod-upload-manifest.json', '--dry-run'];
    const warning = (await shell.run(list, { env })).stderr;
    assert.match(
      warning,
      /vod-upload-manifest\.json: its run had --sub-app-id 5, --class-id 3, --source-context "a b": repeat/,
    );
    const some = (await shell.run([...list, ...flags.slice(0, 4)], { env })).stderr;
    assert.match(some, /its run had --source-context "a b": repeat/);
    const otherwise = [...list, ...flags, '--class-id', '4', '--name', 'm'];
    assert.doesNotMatch((await shell.run(otherwise, { env })).stderr, /its run had/);
    const profile = { ...env, VOD_SUB_APP_ID: '6' };
    assert.match((await shell.run(list, { env: profile })).stderr, /its run had --sub-app-id 5/);
  });
});

describe('the record says with what the media was begun or uploaded', () => {
  test('where an unfinished upload goes on with other options', async () => {
    await cloud.close();
    cloud = await startCloud(['PutObject:InternalError']);
    const env = cloud.env;
    const first = await shell.run(['a.mp4', ...OPTIONS, '--retries', '0', '--fail-fast'], { env });
    assert.equal(first.code, 6, first.stderr);
    const second = await shell.run(['a.mp4', ...OTHER_OPTIONS, '--json'], { env });
    assert.match(second.stderr, /was begun with other options \(mediaName, mediaType, procedure\)/);
    assert.deepEqual(await toldOptions(), [LONG_NAME, 'First', 'mp4']);
    assert.match(second.stdout, new RegExp(`"job-settled".*"name":"${LONG_NAME}"`));
  });

  test('where it was uploaded before with other options', async () => {
    await upload(...OPTIONS);
    const again = await upload(...OTHER_OPTIONS);
    assert.match(
      again.stderr,
      /was uploaded with other options \(mediaName, mediaType, procedure\)/,
    );
    assert.equal((await firstRecord())['reason'], 'already-uploaded');
    assert.deepEqual(await toldOptions(), [LONG_NAME, 'First', 'mp4']);
  });

  test('and where it is begun anew, with the options of now', async () => {
    await cloud.close();
    cloud = await startCloud(['PutObject:InternalError', 'PutObject:ExpiredToken']);
    const env = cloud.env;
    await shell.run(['a.mp4', ...OPTIONS, '--retries', '0', '--fail-fast'], { env });
    const second = await shell.run(['a.mp4', ...OTHER_OPTIONS], { env });
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(await toldOptions(), ['second', 'Second', 'mov']);
    assert.equal(cloud.sessions().at(-1)?.params['MediaName'], 'second');
  });
});
