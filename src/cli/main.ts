import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { CommanderError } from 'commander';
import { UploadFailure, UsageError, usageError } from '../core/errors.js';
import { visible, visibleMessage } from '../core/text.js';
import { leave, obeySignalsAsFirstProcess } from './leave.js';
import { isUnderNohup } from './nohup.js';
import { doNotBlock } from './unblocked-terminal.js';
import { createProgram } from './program.js';
import type { World } from './world.js';

// An empty variable is an unset one, also where commander reads it.
for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('VOD_UPLOAD_') && value === '') delete process.env[name];
}

const world: World = {
  // Node opens it when it is asked for, which help and mistakes in the arguments never do.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  get cwd() {
    return currentDirectory();
  },
  home: homeDirectory(),
};

/** More problems than this are counted, not listed. */
const MAX_PROBLEMS = 20;

obeySignalsAsFirstProcess();
if (isUnderNohup()) process.on('SIGHUP', () => undefined);
[process.stdout, process.stderr].forEach(doNotBlock);

// Whoever reads our output may leave early, and a disk may be full; the upload goes on.
let isTold = false;
process.stderr.on('error', () => undefined);
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE' || isTold) return;
  isTold = true;
  process.stderr.write(`vod-upload: warning: cannot write to standard output: ${code}\n`);
});

void main();

async function main(): Promise<void> {
  try {
    let exitCode = 0;
    await createProgram(world, (code) => (exitCode = code)).parseAsync(process.argv);
    leave(exitCode);
  } catch (error) {
    leave(explain(error));
  }
}

/** Throws UsageError where it has been removed. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    throw usageError(
      'the current directory does not exist any more',
      'Change to another one first.',
    );
  }
}

/** Who has no HOME and is unknown to the system is at home in the root directory, as in containers. */
function homeDirectory(): string {
  try {
    return homedir() || userInfo().homedir;
  } catch {
    return '/';
  }
}

/** Tells people what went wrong; returns the exit code. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    const file = process.argv.slice(2).find((word) => /^-./.test(word) && existsSync(word));
    if (error.code === 'commander.unknownOption' && file !== undefined) {
      world.stderr.write(
        `  There is a file ${visible(file)}: put -- before it, after all flags.\n`,
      );
    }
    return error.exitCode === 0 ? 0 : 2;
  }
  if (error instanceof UsageError) {
    for (const { message, hint } of error.problems.slice(0, MAX_PROBLEMS)) {
      world.stderr.write(`vod-upload: ${visibleMessage(message)}\n  ${visibleMessage(hint)}\n`);
    }
    const more = error.problems.length - MAX_PROBLEMS;
    if (more > 0) world.stderr.write(`vod-upload: and ${more} more problems\n`);
    return 2;
  }
  if (error instanceof UploadFailure) {
    world.stderr.write(
      `vod-upload: ${visibleMessage(error.message)}\n  ${visibleMessage(error.hint)}\n`,
    );
    return exitCodeOf(error);
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const shown = detail.split('\n').map(visibleMessage).join('\n');
  world.stderr.write(`vod-upload: internal error, please report it:\n${shown}\n`);
  return 1;
}

/** Of a failure that ended a command, not a job. */
function exitCodeOf({ code, rule }: UploadFailure): number {
  if (code === 'journal-unwritable' || code === 'journal-unreadable') return 2;
  return rule.retryable ? 8 : 1;
}
