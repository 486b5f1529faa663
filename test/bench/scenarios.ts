import { mixedSizes, MIB } from './files.js';
import { ours, OURS, type Contender } from './contenders.js';
import type { Counts } from './programs.js';

/** One server, one set of files, and who uploads them. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly sizes: readonly number[];
  readonly secure?: true;
  readonly sink?: readonly string[];
  /** What `tc netem` does to the loopback interface of a network namespace. */
  readonly netem?: readonly string[];
  readonly contenders: readonly Contender[];
  /** What only this scenario shows. */
  readonly note?: (counts: Counts, startedAtMs: number) => string;
}

/** bytes a second of 1 Gbit/s in all */
const LINE = ['--total-rate', '125000000'];
/** bytes a second of 20 Mbit/s a connection */
const FAR_LINE = ['--connection-rate', '2500000', ...LINE];
const fixed = (connections: number): Contender =>
  ours(`vod-upload, ${connections} connections`, ...slots(connections));
const slots = (count: number): readonly string[] => [
  ...['--part-concurrency', String(count)],
  ...['-c', String(count)],
];
const idle = (name: string, argv: readonly string[]): Contender => ({
  ...{ name, idle: true },
  command: () => ({ argv: [process.execPath, ...argv] }),
});
const auto = ours('vod-upload');
const unverified = ours('vod-upload --verify none', '--verify', 'none');

/** All scenarios, made smaller by `scale` where size is not the point. */
export function scenarios(peers: readonly Contender[], scale: number): readonly Scenario[] {
  return [...fieldScenarios(peers, scale), ...ownScenarios(peers, scale)];
}

/** Where everyone takes part. */
function fieldScenarios(peers: readonly Contender[], scale: number): readonly Scenario[] {
  const big = Math.max(64 * MIB, Math.round(4096 * scale) * MIB);
  const many = Math.max(20, Math.round(2000 * scale));
  return [
    {
      id: 'big',
      title: 'Large files, plain HTTP',
      about: `two files of ${big / 2 / MIB} MiB`,
      sizes: [big / 2, big / 2],
      contenders: [auto, unverified, fixed(64), ...peers],
    },
    {
      id: 'tls',
      title: 'Large files, HTTPS',
      about: `two files of ${big / 2 / MIB} MiB; the sink decrypts on the same cores`,
      sizes: [big / 2, big / 2],
      secure: true,
      contenders: [auto, unverified, ...peers],
    },
    {
      id: 'mixed',
      title: 'A mixed tree, plain HTTP',
      about: `${mixedSizes(1024 * MIB * scale).length} files from 32 KiB to 64 MiB`,
      sizes: mixedSizes(1024 * MIB * scale),
      contenders: [auto, ...peers],
    },
    {
      id: 'small',
      title: 'Small files, plain HTTP',
      about: `${many} files of 256 KiB; vod-upload and vod-node-sdk make the VOD calls, too`,
      sizes: Array.from({ length: many }, () => 256 * 1024),
      contenders: [auto, ...peers],
    },
  ];
}

/** Where the question is what vod-upload makes of a link or a server. */
function ownScenarios(peers: readonly Contender[], scale: number): readonly Scenario[] {
  const large = Math.max(64, Math.round(1024 * scale)) * MIB;
  const vendor = peers.filter(({ name }) => name === 'vod-node-sdk');
  const sweep = [auto, ...[8, 16, 32, 64].map(fixed)];
  return [
    ...[50, 200].map((delayMs) => ({
      id: `far${delayMs}`,
      title: `A far link: replies after ${delayMs} ms`,
      about: `one file of ${large / MIB} MiB; 20 Mbit/s a connection, 1 Gbit/s in all`,
      sizes: [large],
      sink: ['--delay-ms', String(delayMs), ...FAR_LINE],
      contenders: sweep,
    })),
    {
      id: 'far-wide',
      title: 'A far link without a limit a connection: replies after 200 ms',
      about: `one file of ${large / MIB} MiB; 1 Gbit/s in all`,
      sizes: [large],
      sink: ['--delay-ms', '200', ...LINE],
      contenders: sweep,
    },
    {
      id: 'far-lossy',
      title: 'A far link that loses 1 % of its segments, as a model of TCP has it',
      about: `one file of ${large / 8 / MIB} MiB; 50 ms there and back, 1 Gbit/s in all`,
      sizes: [large / 8],
      sink: ['--delay-ms', '50', '--loss', '0.01', ...LINE],
      contenders: sweep,
    },
    {
      id: 'far-small',
      title: 'Small files on a far link',
      about: 'replies after 50 ms, 20 Mbit/s a connection, 1 Gbit/s in all',
      sizes: Array.from({ length: Math.max(20, Math.round(400 * scale)) }, () => 256 * 1024),
      sink: ['--delay-ms', '50', ...FAR_LINE],
      contenders: [...sweep, ...vendor],
    },
    {
      id: 'far-files',
      title: 'Files of 3 MiB on a far link',
      about: 'replies after 200 ms, 20 Mbit/s a connection, 1 Gbit/s in all',
      sizes: Array.from({ length: Math.max(20, Math.round(200 * scale)) }, () => 3 * MIB),
      sink: ['--delay-ms', '200', ...FAR_LINE],
      contenders: [...sweep, ...vendor],
    },
    {
      id: 'loss',
      title: 'A lossy link: 50 ms away, 1 % of packets lost',
      about: `one file of ${large / 4 / MIB} MiB; a network namespace with netem`,
      sizes: [large / 4],
      netem: ['delay', '25ms', 'loss', '1%', 'rate', '1gbit', 'limit', '100000'],
      contenders: sweep,
    },
    {
      id: 'storm',
      title: 'A server that refuses 30 % of all objects and parts with 503',
      about: `one file of ${large / MIB} MiB`,
      sizes: [large],
      sink: ['--refused', '0.3'],
      contenders: [auto, ...peers.filter(({ name }) => /^(rclone|s5cmd|aws)/.test(name))],
      note: ({ refused }) => `${refused} refused`,
    },
    {
      id: 'limit',
      title: 'A rate limit of 20 MiB/s, seen by the server',
      about: `one file of ${200} MiB`,
      sizes: [200 * MIB],
      contenders: [ours('--limit-rate 20M', '--limit-rate', '20M')],
      note: ({ perTenth }) => worstWindow(perTenth, 20 * MIB),
    },
    {
      id: 'start',
      title: 'Starting',
      about: 'one file of 1 KiB, where a file is uploaded at all',
      sizes: [1024],
      contenders: [
        idle('node -e 0', ['-e', '0']),
        idle('vod-upload --version', [OURS, '--version']),
        idle('vod-upload --help', [OURS, '--help']),
        auto,
        ...vendor,
      ],
      note: ({ firstApplyAtMs }, startedAtMs) =>
        firstApplyAtMs === 0 ? '' : `ApplyUpload after ${firstApplyAtMs - startedAtMs} ms`,
    },
  ];
}

/** How far the rate over any two seconds strayed from the limit. */
function worstWindow(perTenth: readonly number[], rate: number): string {
  const first = perTenth.findIndex((bytes) => bytes > 0);
  const last = perTenth.findLastIndex((bytes) => bytes > 0);
  const inside = perTenth.slice(first, last);
  const ratios: number[] = [];
  for (let start = 0; start + 20 <= inside.length; start++) {
    const bytes = inside.slice(start, start + 20).reduce((sum, each) => sum + each, 0);
    ratios.push(bytes / (2 * rate));
  }
  if (ratios.length === 0) return 'too short to tell';
  const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
  return `any 2 s: ${percent(Math.min(...ratios))} to ${percent(Math.max(...ratios))} of the limit`;
}
