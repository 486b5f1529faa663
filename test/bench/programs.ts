import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** This file runs from <build>/test/bench; the C sources stay in the repository. */
const SOURCES = fileURLToPath(new URL('../../../test/bench/', import.meta.url));

/** What the C compiler made. `secure`: whether the sink can speak TLS. */
export interface Programs {
  readonly sink: string;
  readonly measure: string;
  readonly secure: boolean;
}

export async function buildPrograms(directory: string): Promise<Programs> {
  await mkdir(directory, { recursive: true });
  const sink = path.join(directory, 'sink');
  const measure = path.join(directory, 'measure');
  const sources = ['sink.c', 'cloud.c', 'crc64.c'].map((name) => SOURCES + name);
  const flags = ['-O3', '-pthread', '-o', sink, ...sources];
  await run('cc', ['-O2', '-o', measure, `${SOURCES}measure.c`]);
  const secure = await run('cc', ['-DWITH_TLS', ...flags, '-lssl', '-lcrypto']).then(
    () => true,
    () => false,
  );
  if (!secure) await run('cc', flags);
  return { sink, measure, secure };
}

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate of its own for every name that the clients believe to talk to. */
export async function makeCertificate(directory: string): Promise<Certificate> {
  const certificate = path.join(directory, 'certificate.pem');
  const key = path.join(directory, 'key.pem');
  const names =
    'IP:127.0.0.1,DNS:localhost,DNS:vod.tencentcloudapi.com,DNS:*.cos.ap-guangzhou.myqcloud.com';
  const request = ['req', '-x509', '-nodes', '-newkey', 'ec', '-days', '30', '-subj', '/CN=bench'];
  await run('openssl', [
    ...[...request, '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-addext'],
    ...[`subjectAltName=${names}`, '-keyout', key, '-out', certificate],
  ]);
  return { certificate, key };
}

/** What the sink counted. */
export interface Counts {
  readonly received: number;
  readonly connections: number;
  readonly refused: number;
  readonly firstApplyAtMs: number;
  readonly requests: Readonly<Record<string, number>>;
  /** Bytes in each tenth of a second since the sink began. */
  readonly perTenth: readonly number[];
}

export interface Sink {
  readonly origin: string;
  counts(): Promise<Counts>;
  stop(): Promise<void>;
}

/** Starts a sink; `enter` are the words that put a command into another network namespace. */
export async function startSink(
  programs: Programs,
  flags: readonly string[],
  enter: readonly string[],
): Promise<Sink> {
  const [command = '', ...rest] = [...enter, programs.sink, ...flags];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  });
  const lines = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  let unread = '';
  async function line(): Promise<unknown> {
    while (!unread.includes('\n')) {
      const { done, value } = await lines.next();
      if (done === true) throw new Error('the sink ended');
      unread += value;
    }
    const end = unread.indexOf('\n');
    const text = unread.slice(0, end);
    unread = unread.slice(end + 1);
    return JSON.parse(text);
  }
  const { port } = (await line()) as { port: number };
  const scheme = flags.includes('--certificate') ? 'https' : 'http';
  return {
    origin: `${scheme}://127.0.0.1:${port}`,
    async counts() {
      child.stdin.write('counts\n');
      return (await line()) as Counts;
    },
    async stop() {
      child.stdin.end();
      await closed;
    },
  };
}

/** A command line, and what it adds to the environment. */
export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What running a command cost, children included. Peak memory is that of the largest process. */
export interface Cost {
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakMemory: number;
}

/** Runs a command to its end under `measure`; rejects, with the end of its stderr, if it fails. */
export async function measured(
  programs: Programs,
  command: Command,
  enter: readonly string[],
): Promise<Cost> {
  const report = `${programs.measure}.${process.pid}.json`;
  const [program = '', ...argv] = [...enter, programs.measure, report, ...command.argv];
  const env = { ...ownEnvironment(path.dirname(report)), ...command.env };
  const child = spawn(program, argv, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`exit ${code}: ${complaint.trim()}`);
  const cost = JSON.parse(await readFile(report, 'utf8')) as Cost;
  await rm(report);
  return cost;
}

/** No proxy, authority, credential or setting of whoever runs this has a say. */
function ownEnvironment(home: string): NodeJS.ProcessEnv {
  const kept = ['PATH', 'LANG', 'TMPDIR'].map((name) => [name, process.env[name]]);
  return { ...Object.fromEntries(kept), HOME: home };
}

/** Whether a program of this name is on the PATH. */
export async function isInstalled(name: string): Promise<boolean> {
  return await run('sh', ['-c', `command -v ${name}`]).then(
    () => true,
    () => false,
  );
}
