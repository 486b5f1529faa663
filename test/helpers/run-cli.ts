import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What a command line starts: `bin/`, or, in a build that is not in `dist/`, the same as bin does there. */
const PROGRAM =
  basename(root('../..')) === 'dist'
    ? root('../../../bin/vod-upload.js')
    : root('../../src/cli/main.js');

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command at work. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  /** Resolves once the pattern is on stderr; rejects where the command ends without. */
  said(pattern: RegExp): Promise<void>;
}

/** An empty home and working directory for spawned commands. */
export interface Shell {
  readonly dir: string;
  /** What commands get as environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Types a command line; resolves when it has ended. */
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same, for tests that interfere with the process. */
  start(args: readonly string[], options?: RunOptions): Running;
  /** Ends what still runs, and removes everything. */
  close(): Promise<void>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  /** More may come on stdin: it is not closed. */
  readonly keepStdinOpen?: boolean;
}

/** A command line that starts the program, for tests that need a program around it. */
export function commandLine(args: readonly string[]): string[] {
  return [process.execPath, PROGRAM, ...args];
}

export async function createShell(env: Readonly<Record<string, string>> = {}): Promise<Shell> {
  const dir = await mkdtemp(join(tmpdir(), 'vod-upload-e2e-'));
  const base = {
    PATH: process.env['PATH'] ?? '',
    HOME: dir,
    XDG_STATE_HOME: join(dir, 'state'),
    XDG_CONFIG_HOME: join(dir, 'config'),
    ...env,
  };
  const running = new Map<ChildProcess, Promise<Ran>>();

  const start: Shell['start'] = (args, options = {}) => {
    const [program = '', ...rest] = commandLine(args);
    const child = spawn(program, rest, {
      cwd: dir,
      env: { ...base, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined);
    if (options.keepStdinOpen === true) child.stdin.write(options.stdin ?? '');
    else child.stdin.end(options.stdin ?? '');
    const ended = new Promise<Ran>((resolve) =>
      child.on('close', (code, signal) => {
        running.delete(child);
        resolve({
          code,
          signal,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        });
      }),
    );
    running.set(child, ended);
    const said: Running['said'] = (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(Buffer.concat(stderr).toString())) resolve();
        };
        child.stderr.on('data', look);
        look();
        void ended.then((ran) => {
          reject(new Error(`ended without ${String(pattern)}: ${ran.stderr}`));
        });
      });
    return { child, ended, said };
  };
  return {
    dir,
    env: base,
    start,
    run: (args, options) => start(args, options).ended,
    async close() {
      for (const child of running.keys()) child.kill('SIGKILL');
      await Promise.all(running.values());
      await rm(dir, { recursive: true, force: true });
    },
  };
}
