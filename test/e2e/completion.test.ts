import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { createShell, type Shell } from '../helpers/run-cli.js';

/** How each shell is asked what it would offer after these words; the last one is being typed. */
const ASK: Readonly<Record<string, (script: string, words: readonly string[]) => string>> = {
  bash: (script, words) => `
    source ${script}
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
    _vod_upload 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: (script, words) =>
    `source ${script}; complete -C '${words.join(' ')}' | string split -f1 \\t`,
};

/** [what is typed, what is offered, what is not] */
const ROWS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['', ['upload', 'jobs', 'config', 'sandbox', 'completion', 'a.mp4'], ['list', '--order']],
  ['j', ['jobs'], ['sandbox', 'a.mp4']],
  ['jobs ', ['list', 'resume', 'abort', 'gc'], ['sandbox', 'a.mp4', 'help']],
  ['jobs resume --st', ['--stall-timeout', '--state-dir'], ['--storage-region']],
  ['jobs list --st', ['--state-dir'], ['--stall-timeout']],
  ['jobs --st', ['--state-dir'], ['--stall-timeout']],
  ['--st', ['--storage-region', '--state-dir', '--stall-timeout'], ['--order']],
  ['upload a.mp4 --ver', ['--verify', '--verbose'], ['--order']],
  ['--order ', ['name', 'smallest', 'largest'], ['jobs', 'a.mp4']],
  ['--order s', ['smallest'], ['name']],
  ['-c ', ['auto'], ['jobs', 'a.mp4']],
  ['config get r', ['region'], ['secret-id']],
  ['completion ', ['bash', 'zsh', 'fish'], ['a.mp4']],
  ['sandbox --retr', [], ['--retries']],
];

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

describe('vod-upload completion', () => {
  let shell: Shell;

  before(async () => {
    shell = await createShell();
    await mkdir(shell.at('clips'));
    await shell.write('a.mp4', 'x');
    for (const name of ['bash', 'zsh', 'fish']) {
      const { code, stdout } = await shell.run(['completion', name]);
      assert.equal(code, 0);
      await shell.write(`script.${name}`, stdout);
    }
  });
  after(() => shell.close());

  for (const name of ['bash', 'zsh', 'fish']) {
    test(`${name} reads its script`, { skip: !has(name) && `${name} is not installed` }, () => {
      const { status, stderr } = spawnSync(name, ['-n', shell.at(`script.${name}`)]);
      assert.deepEqual([status, String(stderr)], [0, '']);
    });
  }

  for (const [name, ask] of Object.entries(ASK)) {
    for (const [typed, offered, withheld] of ROWS) {
      test(
        `${name}: vod-upload ${typed}<TAB>`,
        { skip: !has(name) && `${name} is not installed` },
        () => {
          const words = ['vod-upload', ...typed.split(' ')];
          const script = ask(shell.at(`script.${name}`), words);
          const { stdout } = spawnSync(name, ['-c', script], {
            cwd: shell.dir,
            env: { ...shell.env },
          });
          const replies = String(stdout).split('\n');
          for (const word of offered) assert.ok(replies.includes(word), `${word} in ${replies}`);
          for (const word of withheld) assert.ok(!replies.includes(word), `${word} in ${replies}`);
        },
      );
    }
  }

  test('bash: "--flag=value", which it splits in three words, is completed like "--flag value"', () => {
    const script = ASK['bash']?.(shell.at('script.bash'), ['vod-upload', '--verify', '=', 'm']);
    const { stdout } = spawnSync('bash', ['-c', script ?? ''], { cwd: shell.dir });
    assert.equal(String(stdout), 'md5\n');
  });

  test('vod-upload completion tcsh names the shells there are', async () => {
    const { code, stdout, stderr } = await shell.run(['completion', 'tcsh']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /'tcsh'.*bash, zsh, fish/);
  });
});
