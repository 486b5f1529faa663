import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
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
