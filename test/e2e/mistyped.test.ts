import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { createShell, type Shell } from '../helpers/run-cli.js';

/** [what is typed, what the error names, the remedy] */
const ROWS: readonly (readonly [string, RegExp, RegExp])[] = [
  ['job list', /"job" is no command and no file/, /vod-upload jobs\?/],
  ['cofnig', /"cofnig" is no command and no file/, /vod-upload config\?/],
  ['--state-dir s jobs list', /"jobs" is a command/, /vod-upload jobs list, and then its flags/],
  ['jobs lst', /"lst" is no command of jobs/, /vod-upload jobs list\?/],
  ['jobs list everything', /"everything" is no command of jobs/, /list, resume, abort, gc/],
  ['jobs \x1b[2J', /"\\x1b\[2J" is no command of jobs/, /list, resume, abort, gc/],
  ['help', /"help" is no command and no file/, /Did you mean vod-upload --help\?/],
  ['jobs help', /"help" is no command of jobs/, /vod-upload jobs --help\?/],
  ['config get regon', /unknown key "regon"/, /Write region if that is what you meant\.$/m],
  ['--concurency 3 x.mp4', /--concurency/, /Did you mean --concurrency\?/],
];

describe('a command line with a slip', () => {
  let shell: Shell;

  before(async () => {
    shell = await createShell();
  });
  after(() => shell.close());

  for (const [typed, named, remedy] of ROWS) {
    test(`vod-upload ${JSON.stringify(typed)} names the nearest command and exits 2`, async () => {
      const { code, stdout, stderr } = await shell.run(typed.split(' '));
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, named);
      assert.match(stderr, remedy);
    });
  }

  test('of an address that is refused the password is not repeated', async () => {
    for (const address of ['http://ops:geheim@host/x', 'ftp://ops:ge@heim@host']) {
      const { code, stdout, stderr } = await shell.run(['a.mp4', '--vod-endpoint', address]);
      assert.equal(code, 2);
      assert.match(stderr, /:\/\/\*\*\*@host/);
      assert.doesNotMatch(stdout + stderr, /ge@?heim/);
    }
  });

  for (const address of ['http://ops:geheim@host:1', 'ops:geheim@host', 'http://ops:ge/heim@h']) {
    test(`--proxy ${address} is refused and not repeated: the environment takes passwords`, async () => {
      const { code, stdout, stderr } = await shell.run(['a.mp4', '--proxy', address]);
      assert.equal(code, 2);
      assert.match(stderr, /--proxy takes no user and password.*\n.*set HTTPS_PROXY/);
      assert.doesNotMatch(stdout + stderr, /ge\/?heim/);
    });
  }

  test('VOD_SUB_APP_ID=0 is blamed for itself', async () => {
    const env = { VOD_SUB_APP_ID: '0' };
    const { code, stderr } = await shell.run(['.', '--dry-run'], { env });
    assert.equal(code, 2);
    assert.match(stderr, /VOD_SUB_APP_ID is "0", which is not a whole number from 1/);
    assert.doesNotMatch(stderr, /--sub-app-id/);
  });

  test('a file that is taken for a flag is pointed at', async () => {
    await shell.write('-a.mp4', 'content');
    const { code, stderr } = await shell.run(['-a.mp4']);
    assert.equal(code, 2);
    assert.match(stderr, /There is a file -a\.mp4: put -- before it/);
  });

  for (const [action, heeded, others] of [
    ['list', ['--json'], ['--force', '--part-size=8M', '--manifest=m.json', '--retries=1']],
    ['abort', ['--json', '--retries', '--profile'], ['--verify=none', '--no-manifest']],
    ['gc', ['--json', '--quiet', '--retries'], ['--limit-rate=10M', '--region=ap-guangzhou']],
  ] as const) {
    test(`jobs ${action} shows the flags that it heeds, and takes those of other commands`, async () => {
      const { stdout } = await shell.run(['jobs', action, '--help']);
      for (const flag of heeded) assert.match(stdout, new RegExp(` ${flag}\\b`));
      for (const flag of others) {
        assert.doesNotMatch(stdout, new RegExp(` ${flag.split('=')[0]}\\b`));
      }
      const { stderr } = await shell.run(['jobs', action, ...others]);
      assert.doesNotMatch(stderr, /unknown option/);
    });
  }

  for (const [args, problem] of [
    [['jobs', 'resume', '--no-resume'], /would begin anew what is to be finished/],
    [['--manifest', '-', 'a.mp4'], /names no file\n.*\/dev\/stdout/],
  ] as const) {
    test(`${args.join(' ')} makes no sense`, async () => {
      const { code, stderr } = await shell.run(args);
      assert.equal(code, 2);
      assert.match(stderr, problem);
    });
  }

  test('a directory that is named like a command is an input', async () => {
    await mkdir(shell.at('job'));
    const { stderr } = await shell.run(['job', '--dry-run']);
    assert.match(stderr, /there is no media in job/);
  });
});
