import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';

describe('bad input costs nothing: exit 2, a reason, a remedy, no request', () => {
  let shell: CloudShell;
  before(async () => {
    shell = await createCloudShell();
    await shell.write('a.mp4', 'x');
    await shell.write('empty.mp4', '');
    await shell.write('notes.txt', 'x');
  });
  after(() => shell.close());

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
    ['two lists', ['--files-from', 'notes.txt', '--files-from', 'more.txt'], /'more.txt'.*twice/],
    ['two lists of find', ['--files-from0', 'notes.txt', '--files-from0=more.txt'], /twice/],
    ['two job lists', ['--jobs', 'notes.txt', '--jobs', 'more.txt'], /'--jobs <file>'.*twice/],
    ['two directories of covers', ['a.mp4', '--cover-dir', '.', '--cover-dir', '..'], /twice/],
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
      assert.equal(shell.cloud.requests.length, 0);
      assert.equal(await readFile(shell.at('a.mp4'), 'utf8'), 'x');
    });
  }

  test('an endpoint that is empty in the environment is none, and is none on the command line', async () => {
    const env = { VOD_UPLOAD_VOD_ENDPOINT: '', VOD_UPLOAD_COS_ENDPOINT: '' };
    const unset = await shell.run(['a.mp4', '--dry-run'], { env });
    assert.equal(unset.code, 0, unset.stderr);
    const empty = await shell.run(['a.mp4', '--dry-run', '--vod-endpoint='], { env });
    assert.equal(empty.code, 2, empty.stderr);
  });

  test('--help tells the defaults of --order, --covers and --part-size', async () => {
    const { stdout } = await shell.run(['upload', '--help']);
    assert.match(stdout, /--order <order>[^]*?default:\s+by\s+name[^]*--allow-empty/);
    assert.match(stdout, /--covers <mode>[^]*?default:\s+auto;[^]*--cover <file>/);
    assert.match(stdout, /--part-size <size\|auto>[^]*?default:\s+auto:\s+8MiB[^]*--limit-rate/);
  });

  test('half a credential pair', async () => {
    const ran = await shell.run(['a.mp4'], { env: { TENCENTCLOUD_SECRET_KEY: '' } });
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /TENCENTCLOUD_SECRET_KEY/);
  });
});

describe('inputs without media: a warning, and exit 4 where nothing else is left', () => {
  let shell: CloudShell;
  before(async () => {
    shell = await createCloudShell();
    await mkdir(shell.at('bare'));
    await shell.write('late/b.mp4.part', 'x');
    await shell.write('a.mp4', 'x');
  });
  after(() => shell.close());

  const rows: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ['a directory', ['bare'], 4, /there is no media in bare/],
    ['a glob', ['*.mov'], 4, /\*\.mov matches nothing/],
    ['a directory, and a file', ['bare', 'a.mp4'], 0, /there is no media in bare/],
    ['a glob, with -q', ['*.mov', '-q'], 4, /^warning: \*\.mov matches nothing.*\n.*--dry-run/],
    ['files that are skipped, with -q', ['late', '-q'], 4, /^vod-upload: nothing to upload: .*\n$/],
    ['a glob, with -q and --allow-empty', ['*.mov', '-q', '--allow-empty'], 0, /^$/],
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
