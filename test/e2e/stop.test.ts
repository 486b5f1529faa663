import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';

const REFUSED = 'ApplyUpload:InvalidParameterValue.MediaType';
const FILES = ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4', 'e.mp4'];

async function createShellWithFiles(
  t: TestContext,
  faults?: readonly string[],
): Promise<CloudShell> {
  const shell = await createCloudShell(faults);
  t.after(() => shell.close());
  for (const name of FILES) await shell.write(name, name);
  return shell;
}

/** How many records of each status the manifest has. */
async function countsOf(shell: CloudShell): Promise<Record<string, number>> {
  const { results, options } = await shell.manifest();
  assert.ok('failFast' in options);
  const counts: Record<string, number> = {};
  for (const { status } of results) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe('vod-upload --fail-fast', () => {
  test('begins no file after the first failure, and puts the rest on record', async (t) => {
    const shell = await createShellWithFiles(t, [`${REFUSED}*1`]);
    const ran = await shell.run([...FILES, '--fail-fast', '-c', '1']);
    assert.equal(ran.code, 6, ran.stderr);
    assert.match(ran.stderr, /--fail-fast: a file failed/);
    assert.deepEqual(await countsOf(shell), { failed: 1, interrupted: 4 });
    assert.equal(shell.cloud.requests.length, 1);
  });

  test('what is under way ends', async (t) => {
    const shell = await createShellWithFiles(t, [`${REFUSED}*1`, 'PutObject:delay=200']);
    const ran = await shell.run([...FILES, '--fail-fast', '-c', '2']);
    assert.equal(ran.code, 6, ran.stderr);
    assert.deepEqual(await countsOf(shell), { failed: 1, uploaded: 1, interrupted: 3 });
  });

  test('a failure that may pass counts at once', async (t) => {
    const shell = await createShellWithFiles(t, ['ApplyUpload:503*always']);
    const ran = await shell.run([...FILES, '--fail-fast', '-c', '1', '--retries', '0']);
    assert.equal(ran.code, 6, ran.stderr);
    assert.deepEqual(await countsOf(shell), { failed: 1, interrupted: 4 });
    assert.equal(shell.cloud.requests.length, 1);
  });

  test('an entry of a list that is gone is a failure as well', async (t) => {
    const shell = await createShellWithFiles(t);
    await shell.write('list', ['gone.mp4', ...FILES].join('\n'));
    const ran = await shell.run(['--files-from', 'list', '--fail-fast']);
    assert.equal(ran.code, 6, ran.stderr);
    assert.deepEqual(await countsOf(shell), { failed: 1, interrupted: 5 });
    assert.equal(shell.cloud.requests.length, 0);
  });

  test('a refusal of the account is told before: exit 5', async (t) => {
    const shell = await createShellWithFiles(t, ['ApplyUpload:UnauthorizedOperation*always']);
    const ran = await shell.run([...FILES, '--fail-fast', '-c', '1']);
    assert.equal(ran.code, 5, ran.stderr);
  });

  test('without a failure changes nothing', async (t) => {
    const shell = await createShellWithFiles(t);
    const ran = await shell.run([...FILES, '--fail-fast']);
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(await countsOf(shell), { uploaded: 5 });
  });
});

describe('vod-upload --max-errors 2', () => {
  test('begins no file after the second failure', async (t) => {
    const shell = await createShellWithFiles(t, [`${REFUSED}*2`]);
    const ran = await shell.run([...FILES, '--max-errors', '2', '-c', '1']);
    assert.equal(ran.code, 6, ran.stderr);
    assert.match(ran.stderr, /--max-errors: 2 files failed/);
    assert.deepEqual(await countsOf(shell), { failed: 2, interrupted: 3 });
  });

  test('says "1 file" where one is too many', async (t) => {
    const shell = await createShellWithFiles(t, [`${REFUSED}*1`]);
    const { stderr } = await shell.run([...FILES, '--max-errors', '1', '-c', '1']);
    assert.match(stderr, /--max-errors: 1 file failed/);
  });

  test('one failure less stops nothing', async (t) => {
    const shell = await createShellWithFiles(t, [`${REFUSED}*1`]);
    const ran = await shell.run([...FILES, '--max-errors', '2', '-c', '1']);
    assert.equal(ran.code, 3, ran.stderr);
    assert.deepEqual(await countsOf(shell), { failed: 1, uploaded: 4 });
  });
});

describe('vod-upload --max-duration', () => {
  test('begins no file after the time; the next run takes the rest', async (t) => {
    const shell = await createShellWithFiles(t, ['CommitUpload:delay=400*3']);
    const ran = await shell.run([...FILES, '--max-duration', '500ms', '-c', '1']);
    assert.equal(ran.code, 6, ran.stderr);
    assert.match(ran.stderr, /--max-duration: 500ms are over/);
    const { uploaded = 0, interrupted = 0, ...others } = await countsOf(shell);
    assert.deepEqual([uploaded + interrupted, others], [5, {}]);
    assert.ok(interrupted > 0);
    const again = await shell.run([...FILES, '--max-duration', '10m']);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(
      shell.cloud.sessions().map(({ commits }) => commits),
      FILES.map(() => 1),
    );
  });

  test('ends no file under way that needs another session', async (t) => {
    const shell = await createShellWithFiles(t, [
      'ApplyUpload:delay=600*5',
      'PutObject:ExpiredToken*1',
    ]);
    const ran = await shell.run([...FILES, '--max-duration', '300ms', '-c', '5']);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /begins anew, session-expired/);
    assert.deepEqual(await countsOf(shell), { uploaded: 5 });
  });

  test('that ends while the last files are under way stops nothing', async (t) => {
    const shell = await createShellWithFiles(t, ['CommitUpload:delay=500*5']);
    const ran = await shell.run([...FILES, '--max-duration', '300ms', '-c', '5']);
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(await countsOf(shell), { uploaded: 5 });
  });
});

for (const args of [
  ['--max-errors', '0'],
  ['--max-errors', 'many'],
  ['--max-duration', 'soon'],
  ['--max-duration', '30d'],
]) {
  test(`${args.join(' ')} is refused before anything is sent`, async (t) => {
    const shell = await createShellWithFiles(t);
    const ran = await shell.run([...FILES, ...args]);
    assert.equal(ran.code, 2, ran.stderr);
    assert.ok(ran.stderr.includes(args[0] ?? ''));
    assert.equal(shell.cloud.requests.length, 0);
  });
}

describe('the summary of a run', () => {
  test('tells what was chosen and what limited the run', async (t) => {
    const shell = await createShellWithFiles(t);
    const ran = await shell.run(FILES);
    const told = /\d+ connections?,? .*and at most \d+ files? at a time, .*\/s: limited by /;
    assert.match(ran.stderr.trimEnd().split('\n').at(-1) ?? '', told);
    const quiet = await shell.run([...FILES, '--force', '-q']);
    assert.equal(quiet.stderr, '');
  });
});
