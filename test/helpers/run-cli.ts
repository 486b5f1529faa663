import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../bin/vod-upload.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty home and working directory for spawned commands. */
export interface Shell {
  readonly dir: string;
  /** Types a command line; resolves when it has ended. */
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same, for tests that interfere with the process. */
  start(
    args: readonly string[],
    options?: RunOptions,
  ): { child: ChildProcess; ended: Promise<Ran> };
  close(): Promise<void>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
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
  const start: Shell['start'] = (args, options = {}) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: dir,
      env: { ...base, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
    const ended = new Promise<Ran>((resolve) =>
      child.on('close', (code, signal) =>
        resolve({
          code,
          signal,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        }),
      ),
    );
    return { child, ended };
  };
  return {
    dir,
    start,
    run: (args, options) => start(args, options).ended,
    close: () => rm(dir, { recursive: true, force: true }),
  };
}
