import assert from 'node:assert/strict';
import { copyFile, rename } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';
import type { Manifest, Ran } from '../helpers/run-cli.js';

let shell: CloudShell;

beforeEach(async () => {
  shell = await createCloudShell();
  await shell.write('a.mp4', 1000);
});

afterEach(() => shell.close());

const LONG_NAME = 'the first name that this media was given';
const OPTIONS = ['--name', LONG_NAME, '--procedure', 'First'];
const OTHER_OPTIONS = ['--name', 'second', '--procedure', 'Second', '--media-type', 'mov'];

const upload = (...args: string[]): Promise<Ran> => shell.run(['a.mp4', ...args]);

async function firstRecord(): Promise<Manifest['results'][number]> {
  const [record] = (await shell.manifest()).results;
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
    await shell.write('a.jpg', 100);
    const added = await upload();
    assert.match(added.stderr, /was uploaded with other options \(cover\): --force/);
    const forced = await upload('--force');
    assert.equal(forced.code, 0, forced.stderr);
    assert.doesNotMatch((await upload()).stderr, /other/);
    await shell.write('a.jpg', 200);
    for (const args of [[], ['--checksum']]) {
      const replaced = await upload(...args);
      assert.equal(replaced.code, 0, replaced.stderr);
      assert.match(replaced.stderr, /was uploaded with other options \(cover\): --force/);
      const { cover, reason } = await firstRecord();
      assert.equal(reason, 'already-uploaded');
      assert.equal(cover?.size, 100);
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
    await shell.write('one.ts', 1000);
    await shell.write('two.ts', 1000);
    await shell.write('list.m3u8', '#EXTM3U\none.ts\ntwo.ts\n');
    const playlist = ['list.m3u8', '--json'];
    await shell.run(playlist);
    assert.doesNotMatch((await shell.run(playlist)).stderr, /other/);
    await shell.write('two.ts', 1000);
    for (const args of [[], ['--checksum']]) {
      const again = await shell.run([...playlist, ...args]);
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stderr, /was uploaded with other segments: --force uploads it again/);
    }
  });

  test('but not where a copy of its cover has another time than the first', async () => {
    await shell.write('a.jpg', 100);
    await upload('--checksum');
    await rename(shell.at('a.mp4'), shell.at('b.mp4'));
    await copyFile(shell.at('a.jpg'), shell.at('b.jpg'));
    for (const args of [['--checksum'], []]) {
      const copy = await shell.run(['b.mp4', ...args]);
      assert.equal((await firstRecord()).reason, 'already-uploaded');
      assert.match(copy.stderr, /was uploaded with other options \(mediaName\)/);
    }
  });
});

describe('a source that is missing may be on a disk that is away: what is stored of it stays', () => {
  const moveAway = (): Promise<void> => rename(shell.at('a.mp4'), shell.at('away'));

  /** Exit 3; once the file is back, its upload goes on. */
  async function assertKept({ code, stderr }: Ran): Promise<void> {
    assert.equal(code, 3, stderr);
    const { error } = await firstRecord();
    assert.equal(error?.code, 'source-missing');
    await rename(shell.at('away'), shell.at('a.mp4'));
    const resumed = await shell.run(['jobs', 'resume']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(shell.cloud.sessions().length, 1);
    assert.deepEqual(shell.cloud.openUploads(), []);
  }

  test('where jobs resume looks for it', async () => {
    shell.cloud.fail('UploadPart#2:InternalError');
    await shell.write('a.mp4', 3_000_000);
    const args = ['--part-size', '1M', '--retries', '0', '--fail-fast'];
    await shell.run(['a.mp4', ...args]);
    await moveAway();
    await assertKept(await shell.run(['jobs', 'resume']));
  });

  test('where it goes during the run', async () => {
    shell.cloud.fail('PutObject:delay=1500');
    const running = shell.start(['a.mp4']);
    while (shell.cloud.requests.every(({ operation }) => operation !== 'PutObject')) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await moveAway();
    await assertKept(await running.ended);
  });
});

test('jobs resume gives up a file that has changed, and says to upload it: exit 3', async () => {
  shell.cloud.fail('PutObject:InternalError');
  await shell.run(['a.mp4', '--retries', '0', '--fail-fast']);
  await shell.write('a.mp4', 2000);
  const resumed = await shell.run(['jobs', 'resume']);
  assert.equal(resumed.code, 3, resumed.stderr);
  assert.match(resumed.stderr, /Upload the file as it is now: vod-upload <path>/);
  const { error } = await firstRecord();
  assert.deepEqual([error?.code, error?.retryable], ['source-changed', false]);
  assert.equal((await shell.run(['jobs', 'list'])).stdout, '');
});

describe('-v says why an unfinished upload is abandoned', () => {
  for (const [why, change, args, reason] of [
    ['as was asked for', undefined, ['--no-resume'], 'is begun anew, --no-resume'],
    ['since the file has changed', 'a.mp4', [], 'has changed'],
    ['since it has a cover now', 'a.jpg', [], 'has another cover, other segments or other content'],
  ] as const) {
    test(why, async () => {
      shell.cloud.fail('PutObject:InternalError');
      const first = await shell.run(['a.mp4', '--retries', '0', '--fail-fast']);
      assert.equal(first.code, 6, first.stderr);
      if (change !== undefined) await shell.write(change, 2000);
      const second = await shell.run(['a.mp4', '-v', ...args]);
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
    shell.cloud.fail('ApplyUpload:503*2');
    const flags = ['--sub-app-id', '5', '--class-id', '3', '--source-context', 'a b'];
    const first = await shell.run(['a.mp4', ...flags, '--name', 'n', '--retries', '0']);
    assert.equal(first.code, 8, first.stderr);
    const list = ['--jobs', 'vod-upload-manifest.json', '--dry-run'];
    const warning = (await shell.run(list)).stderr;
    assert.match(
      warning,
      /vod-upload-manifest\.json: its run had --sub-app-id 5, --class-id 3, --source-context "a b": repeat/,
    );
    const some = (await shell.run([...list, ...flags.slice(0, 4)])).stderr;
    assert.match(some, /its run had --source-context "a b": repeat/);
    const otherwise = [...list, ...flags, '--class-id', '4', '--name', 'm'];
    assert.doesNotMatch((await shell.run(otherwise)).stderr, /its run had/);
    const profile = { VOD_SUB_APP_ID: '6' };
    assert.match((await shell.run(list, { env: profile })).stderr, /its run had --sub-app-id 5/);
  });

  test('but not of covers, which its rows tell of, nor of what holds without flags', async () => {
    await shell.write('a.jpg', 100);
    for (const [args, covers, order] of [
      [[], 'auto', 'name'],
      [['--covers', 'off', '--order', 'largest'], 'off', 'largest'],
    ] as const) {
      shell.cloud.fail('ApplyUpload:503*2');
      const first = await shell.run(['a.mp4', ...args, '--retries', '0']);
      assert.equal(first.code, 8, first.stderr);
      const { options } = await shell.manifest();
      assert.deepEqual([options['covers'], options['order']], [covers, order]);
      const retry = await shell.run(['--jobs', 'vod-upload-manifest.json', '--dry-run']);
      assert.doesNotMatch(retry.stderr, /its run had/);
    }
  });
});

describe('the record says with what the media was begun or uploaded', () => {
  test('where an unfinished upload goes on with other options', async () => {
    shell.cloud.fail('PutObject:InternalError');
    const first = await shell.run(['a.mp4', ...OPTIONS, '--retries', '0', '--fail-fast']);
    assert.equal(first.code, 6, first.stderr);
    const second = await shell.run(['a.mp4', ...OTHER_OPTIONS, '--json']);
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
    assert.equal((await firstRecord()).reason, 'already-uploaded');
    assert.deepEqual(await toldOptions(), [LONG_NAME, 'First', 'mp4']);
  });

  test('and where it is begun anew, with the options of now', async () => {
    shell.cloud.fail('PutObject:InternalError', 'PutObject:ExpiredToken');
    await shell.run(['a.mp4', ...OPTIONS, '--retries', '0', '--fail-fast']);
    const second = await shell.run(['a.mp4', ...OTHER_OPTIONS]);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(await toldOptions(), ['second', 'Second', 'mov']);
    assert.equal(shell.cloud.sessions().at(-1)?.params['MediaName'], 'second');
  });
});
