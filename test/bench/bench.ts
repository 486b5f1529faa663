/** `npm run bench -- [--only big,tls] [--scale 0.1] [--rounds 3] [--dir /tmp] [--out test/bench]` */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { missing, peers, type Contender } from './contenders.js';
import { makeFiles, type Collection } from './files.js';
import { enterNamespace, type Namespace } from './namespace.js';
import { findPackages } from './packages.js';
import { plot } from './plot.js';
import { buildPrograms, makeCertificate, measured, startSink } from './programs.js';
import type { Certificate, Cost, Counts, Programs } from './programs.js';
import { tableText, type Row, type Table } from './report.js';
import { scenarios, type Scenario } from './scenarios.js';

/** All that one run of the benchmark shares. */
interface Bench {
  readonly programs: Programs;
  readonly certificate: Certificate;
  readonly directory: string;
  readonly rounds: number;
}

type Sample = Cost & { readonly counts: Counts; readonly note: string };

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function runScenario(bench: Bench, scenario: Scenario): Promise<Table> {
  const skip = (skipped: string): Table => ({ scenario, size: 0, rows: [], skipped });
  if (scenario.secure && !bench.programs.secure) return skip('OpenSSL headers are missing');
  const namespace = await enterNamespace(scenario.netem);
  if (namespace === undefined) return skip('this machine allows no network namespace with netem');
  const directory = path.join(bench.directory, 'files');
  const collection = await makeFiles(directory, scenario.sizes);
  const rows: Row[] = [];
  try {
    rows.push(...(await runRounds(bench, scenario, collection, namespace)));
  } finally {
    namespace.leave();
    await rm(directory, { recursive: true });
  }
  return { scenario, size: collection.size, rows };
}

/** Every contender once a round, so that a change of the machine's mood meets all alike. */
async function runRounds(
  bench: Bench,
  scenario: Scenario,
  collection: Collection,
  namespace: Namespace,
): Promise<readonly Row[]> {
  const samples = new Map<Contender, Sample[]>();
  const failures = new Map<Contender, string>();
  for (const contender of scenario.contenders) {
    const reason = await missing(contender);
    if (reason !== undefined) failures.set(contender, reason);
    samples.set(contender, []);
  }
  for (let round = 1; round <= bench.rounds; round++) {
    for (const [contender, own] of samples) {
      if (failures.has(contender)) continue;
      try {
        const sample = await runOnce(bench, scenario, collection, contender, namespace.enter);
        own.push(sample);
        say(`${scenario.id} ${round}/${bench.rounds} ${contender.name}: ${sample.wallS} s`);
      } catch (error) {
        const [line = ''] = String(error).split('\n').slice(-1);
        failures.set(contender, `failed: ${line.slice(0, 120)}`);
        say(`${scenario.id} ${contender.name}: ${String(error)}`);
      }
    }
  }
  return [...samples].map(([contender, own]) => summed(contender, own, failures.get(contender)));
}

async function runOnce(
  bench: Bench,
  scenario: Scenario,
  collection: Collection,
  contender: Contender,
  enter: readonly string[],
): Promise<Sample> {
  const { certificate, key } = bench.certificate;
  const scratch = await mkdtemp(path.join(bench.directory, 'scratch-'));
  const flags = [...(scenario.sink ?? []), ...(contender.crc64 ? ['--crc64'] : [])];
  if (scenario.secure) flags.push('--certificate', certificate, '--key', key);
  const sink = await startSink(bench.programs, flags, enter);
  try {
    const load = { ...collection, origin: sink.origin, certificate, scratch };
    const command = await contender.command(load);
    const startedAtMs = Date.now();
    const cost = await measured(bench.programs, command, enter);
    const counts = await sink.counts();
    const sent = contender.idle === true ? 0 : collection.size;
    if (counts.received < sent) throw new Error(`sent ${counts.received} of ${sent} bytes`);
    return { ...cost, counts, note: scenario.note?.(counts, startedAtMs) ?? '' };
  } finally {
    await sink.stop();
    await rm(scratch, { recursive: true });
  }
}

function summed(contender: Contender, samples: readonly Sample[], failure?: string): Row {
  const median = (of: (sample: Sample) => number): number =>
    samples.map(of).sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0;
  const calls = ({ requests }: Counts, vod: boolean): number =>
    Object.entries(requests)
      .filter(([kind]) => ['apply', 'commit', 'describe'].includes(kind) === vod)
      .reduce((sum, [, count]) => sum + count, 0);
  return {
    name: contender.name,
    ours: contender.vod === true && contender.needs === undefined,
    ...(failure !== undefined && { failure }),
    wallS: median((sample) => sample.wallS),
    cpuS: median((sample) => sample.cpuS),
    peakMemory: median((sample) => sample.peakMemory),
    connections: median((sample) => sample.counts.connections),
    cosRequests: median(({ counts }) => calls(counts, false)),
    vodCalls: median(({ counts }) => calls(counts, true)),
    note: samples.at(-1)?.note ?? '',
  };
}

function resultsText(tables: readonly Table[], rounds: number, asked: string): string {
  const [cpu] = os.cpus();
  const machine = `${os.cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}`;
  return [
    '# Measured',
    '',
    `${new Date().toISOString().slice(0, 10)}, ${machine}, Linux ${os.release()}, Node ${process.version}.`,
    `Medians of ${rounds}, everyone once a round, against a server in C on the same machine that`,
    'takes the bytes, checks what is to be checked and throws them away. CPU and memory are those of',
    'the client; where it is several processes, memory is that of the largest. Loopback leaves the',
    'link out: read ratios, not megabytes.',
    '',
    `    npm run bench -- ${asked}      # as measured here`,
    '    npm run bench -- --only big,tls               # some scenarios, as they are by default',
    '    npm run bench -- --scale 0.05 --rounds 1 --out /tmp',
    '',
    'It needs a C compiler and openssl; with OpenSSL headers it measures HTTPS, too. curl, rclone, s5cmd,',
    'aws and s3cmd take part where they are installed; @aws-sdk/lib-storage is fetched from npm.',
    '',
    '![Throughput, scenario by scenario](results.svg)',
    '',
    ...tables.map(tableText),
  ].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      scale: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '3' },
      dir: { type: 'string', default: os.tmpdir() },
      out: { type: 'string', default: 'test/bench' },
    },
  });
  const directory = await mkdtemp(path.join(values.dir, 'vod-upload-bench-'));
  try {
    const packages = await findPackages(path.join(os.tmpdir(), 'vod-upload-bench-packages'));
    const all = scenarios(peers(packages), Number(values.scale));
    const wanted = values.only?.split(',') ?? all.map(({ id }) => id);
    const bench: Bench = {
      programs: await buildPrograms(path.join(directory, 'programs')),
      certificate: await makeCertificate(directory),
      directory,
      rounds: Number(values.rounds),
    };
    const only = values.only === undefined ? '' : ` --only ${values.only}`;
    const asked = `--scale ${values.scale} --rounds ${values.rounds}${only}`;
    const tables: Table[] = [];
    await mkdir(values.out, { recursive: true });
    for (const scenario of all.filter(({ id }) => wanted.includes(id))) {
      const table = await runScenario(bench, scenario);
      tables.push(table);
      process.stdout.write(`${tableText(table)}\n`);
      const text = resultsText(tables, bench.rounds, asked);
      await writeFile(path.join(values.out, 'RESULTS.md'), text);
      await writeFile(path.join(values.out, 'results.svg'), plot(tables));
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}

await main();
