import { Argument, Command, Option } from 'commander';
import type { CompletedShell } from './commands/completion.js';
import type { SandboxFlags } from './commands/sandbox.js';
import { assertInputs } from './assert-inputs.js';
import { between, collect, named } from './flag-values.js';
import { addRunOptions, addUploadOptions, type UploadFlags } from './upload-options.js';
import { visibleMessage } from '../core/text.js';
import { assertNoCommand, assertNoWord } from './mistyped-command.js';
import { fieldOf, PROFILE_FIELDS, SETTINGS } from './profile-settings.js';
import { packageVersion } from './version.js';
import type { World } from './world.js';

const EXAMPLES = `Examples:
  vod-upload ./videos/*.mp4 --procedure "QCVB_SimpleProcessFile(1,1)"
  vod-upload ./videos --exclude '*.raw.mp4' --min-age 5m -c 8
  find . -name '*.mov' -print0 | vod-upload --files-from0 - --json
  vod-upload ./videos --dry-run
  vod-upload ./videos --sandbox=./cloud      try it without an account
`;

const CONFIG_EXAMPLES = `Examples:
  vod-upload config set secret-id AKIDxxxxxxxx
  vod-upload config set secret-key                     asks for it, or reads a piped line
  vod-upload config set sub-app-id 1500012345 --profile staging
  vod-upload config list
`;

/** The flags that a command of `jobs` heeds. */
const LISTING = /^(json|state-dir)$/;
const RESUMING = /^(?!(force|no-resume)$)/;
const GIVING_UP =
  /^(json|quiet|state-dir|profile|vod-host|proxy|cos-endpoint|retries|stall-timeout)$/;

/** What is meant where no command is named. */
const DEFAULTS: ReadonlySet<string> = new Set(['upload', 'jobs list']);

/** All commands; what they load, they load when they run. */
export function createProgram(world: World, exit: Exit): Command {
  const program = new Command('vod-upload')
    .description('Bulk uploader for Tencent Cloud VOD')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      outputError: (text, write) =>
        write(`vod-upload: ${visibleLines(withoutValues(text.replace(/^error: /, '')))}`),
    })
    .addHelpText('before', EXAMPLES)
    .helpCommand(false);

  const upload = addUploadOptions(
    program
      .command('upload', { isDefault: DEFAULTS.has('upload') })
      .description('upload media and their covers (the default command)')
      .argument('[input...]', 'files, directories or quoted globs')
      .addHelpText('before', EXAMPLES),
  ).action(async (inputs: string[], flags: UploadFlags) => {
    assertNoCommand(inputs, namesOf(program), world.cwd);
    assertInputs(inputs, flags, world.cwd);
    const { runUpload } = await import('./commands/upload.js');
    exit(await runUpload(inputs, flags, world));
  });

  addJobsCommand(program, world, exit);
  addSandboxCommand(program, world, exit);
  addConfigCommand(program, world, exit);
  addCompletionCommand(program, world);

  program.addHelpText(
    'after',
    () => `\nOptions of upload, the default command:\n${optionsOf(upload)}`,
  );
  return program;
}

type Exit = (code: number) => void;

interface ProfileFlags {
  readonly profile?: string;
}

function addJobsCommand(program: Command, world: World, exit: Exit): void {
  const jobs = program
    .command('jobs')
    .description('unfinished jobs: list, resume, abort, gc')
    .helpCommand(false)
    .addHelpText(
      'before',
      'Examples:\n  vod-upload jobs list\n  vod-upload jobs resume\n  vod-upload jobs abort\n',
    );
  const actions = [
    ['list', 'unfinished jobs, one a line', 'listJobs', 'list --json', LISTING],
    ['resume', 'finish what can be finished', 'resumeJobs', 'resume --limit-rate 10M', RESUMING],
    ['abort', 'abort the multipart uploads and forget the jobs', 'abortJobs', 'abort', GIVING_UP],
    ['gc', 'drop what has expired, abort uploads of changed files', 'collectJobs', 'gc', GIVING_UP],
  ] as const;
  for (const [name, description, action, example, shown] of actions) {
    addRunOptions(
      jobs
        .command(name, { isDefault: DEFAULTS.has(`jobs ${name}`) })
        .description(description)
        .addHelpText('before', `Examples:\n  vod-upload jobs ${example}\n`),
      shown,
    )
      // What is no action is an argument of the default one.
      .allowExcessArguments()
      .action(async (flags: UploadFlags, { args }: Command) => {
        assertNoWord(args, 'jobs', namesOf(jobs));
        const commands = await import('./commands/jobs.js');
        exit(await commands[action](flags, world));
      });
  }
}

function addSandboxCommand(program: Command, world: World, exit: Exit): void {
  program
    .command('sandbox')
    .description('serve a local VOD and COS, for trying things without an account')
    .addOption(
      new Option('--port <n>', 'where to listen').argParser(between(0, 65_535)).default(9000),
    )
    .addOption(
      new Option('--dir <dir>', 'where objects and state are kept')
        .argParser(named)
        .default('./vod-sandbox'),
    )
    .addOption(
      new Option(
        '--fault <rule>',
        'misbehave once, or e.g. "UploadPart#3:503*2", "*:reset@0.1" or "PutObject:503*always"; repeatable',
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option('--seed <n>', 'makes probable faults reproducible')
        .argParser(between(0, 2 ** 32 - 1))
        .default(1),
    )
    .addOption(
      new Option('--json', 'say where it listens in one line of JSON').default(false, 'off'),
    )
    .addHelpText(
      'before',
      'Examples:\n  vod-upload sandbox --port 9000 --dir ./cloud\n  vod-upload sandbox --fault "UploadPart:503*3" --fault "CommitUpload:lost"\n',
    )
    .action(async (flags: SandboxFlags) => {
      const { runSandbox } = await import('./commands/sandbox.js');
      exit(await runSandbox(flags, world));
    });
}

function addConfigCommand(program: Command, world: World, exit: Exit): void {
  const keys = PROFILE_FIELDS.map((field) => SETTINGS[field].key);
  const config = program
    .command('config')
    .description('read and change profiles: keys and settings by name')
    .helpCommand(false)
    .addHelpText('before', CONFIG_EXAMPLES)
    .addHelpText('after', `\nKeys: ${keys.join(', ')}\n`);
  const load = () => import('./commands/config.js');
  const add = (name: string, description: string, examples: string): Command =>
    config
      .command(name)
      .description(description)
      .addHelpText('before', `Examples:\n${examples}`)
      .option('--profile <name>', 'the profile (the default profile)');
  // The choices are for those who complete a key: `fieldOf` also says which is meant.
  const key = (): Argument => new Argument('<key>').choices(keys).argParser(String);

  add('get', 'print a setting', '  vod-upload config get region\n')
    .addArgument(key())
    .action(async (key: string, { profile }: ProfileFlags) =>
      (await load()).getSetting(world, fieldOf(key), profile),
    );
  add(
    'set',
    'store a setting; keys of the account are asked for, or read from stdin',
    '  vod-upload config set region ap-beijing\n  pass show vod | vod-upload config set secret-key\n',
  )
    .addArgument(key())
    .argument('[value]')
    .action(async (key: string, value: string | undefined, { profile }: ProfileFlags) => {
      if (!(await (await load()).setSetting(world, fieldOf(key), value, profile))) exit(130);
    });
  add('unset', 'remove a setting', '  vod-upload config unset sub-app-id\n')
    .addArgument(key())
    .action(async (key: string, { profile }: ProfileFlags) =>
      (await load()).unsetSetting(world, fieldOf(key), profile),
    );
  add('list', 'print all profiles, secrets masked', '  vod-upload config list --json\n')
    .option('--json', 'as JSON')
    .action(async ({ profile, json }: ProfileFlags & { readonly json?: true }) =>
      (await load()).listProfiles(world, profile, json === true),
    );
  config
    .command('path')
    .description('print where the profiles are stored')
    .addHelpText('before', 'Examples:\n  vod-upload config path\n')
    .action(async () => (await load()).printPath(world));
}

function addCompletionCommand(program: Command, world: World): void {
  program
    .command('completion')
    .description('print what bash, zsh or fish need to complete this command')
    .addArgument(new Argument('<bash|zsh|fish>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'before',
      `Examples:
  source <(vod-upload completion bash)                     in ~/.bashrc
  source <(vod-upload completion zsh)                      in ~/.zshrc
  vod-upload completion fish > ~/.config/fish/completions/vod-upload.fish
`,
    )
    .action(async (shell: CompletedShell) => {
      const { runCompletion } = await import('./commands/completion.js');
      runCompletion(shell, program, DEFAULTS, world);
    });
}

function namesOf(command: Command): string[] {
  return command.commands.map((child) => child.name());
}

/** The part of a command's help that lists its options. */
function optionsOf(command: Command): string {
  const text = command.helpInformation();
  return text.slice(text.indexOf('\n\nInputs:') + 1);
}

function visibleLines(text: string): string {
  return text.split('\n').map(visibleMessage).join('\n');
}

/** A value glued to an unknown flag may be a secret, and so may what comes before the host of an address. */
function withoutValues(text: string): string {
  return text
    .replace(/(unknown option '[^'=]*)=[^']*'/, "$1'")
    .replace(/:\/\/[^\s/]*@/g, '://***@');
}
