import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ManifestRecord } from '../../src/manifest/record.js';

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

/** A manifest in JSON; its records may have columns of a job list as well. */
export interface Manifest {
  readonly options: Readonly<Record<string, unknown>>;
  readonly results: readonly (ManifestRecord & Readonly<Record<string, unknown>>)[];
  readonly durationMs: number;
  readonly exitCode: number;
}

/** An empty home and working directory for spawned commands. */
export interface Shell {
  readonly dir: string;
  /** What commands get as environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The path of a file of the directory. */
  at(name: string): string;
  /** Writes a file: what is in it, or how many random bytes. */
  write(name: string, contents: string | Buffer | number): Promise<void>;
  /** What the last run wrote to its manifest. */
  manifest(name?: string): Promise<Manifest>;
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
  const at = (name: string): string => join(dir, name);
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
    at,
    async write(name, contents) {
      await mkdir(dirname(at(name)), { recursive: true });
      await writeFile(at(name), typeof contents === 'number' ? randomBytes(contents) : contents);
    },
    async manifest(name = 'vod-upload-manifest.json') {
      return JSON.parse(await readFile(at(name), 'utf8')) as Manifest;
    },
    start,
    run: (args, options) => start(args, options).ended,
    async close() {
      for (const child of running.keys()) child.kill('SIGKILL');
      await Promise.all(running.values());
      await rm(dir, { recursive: true, force: true });
    },
  };
}
