import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUCKET, REGION, SECRET_ID, SECRET_KEY } from './account.js';
import { isInstalled } from './programs.js';
import type { Command } from './programs.js';

const here = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const PART_MIB = 16;

/** What is to be uploaded, and where to. */
export interface Load {
  readonly origin: string;
  readonly directory: string;
  readonly files: readonly string[];
  readonly certificate: string;
  /** A directory for whatever the contender wants to write. */
  readonly scratch: string;
}

export interface Contender {
  readonly name: string;
  /** The program to be found on the PATH, or the package to be found among the peers. */
  readonly needs?: { readonly program: string } | { readonly package: string };
  /** Whether it makes the VOD calls, too. */
  readonly vod?: true;
  /** Whether it compares CRC-64, which the sink then computes. */
  readonly crc64?: true;
  /** It uploads nothing. */
  readonly idle?: true;
  command(load: Load): Command | Promise<Command>;
}

/** vod-upload, with flags that differ from scenario to scenario. */
export function ours(name: string, ...flags: readonly string[]): Contender {
  return {
    name,
    vod: true,
    ...(flags.join(' ').includes('--verify none') ? {} : { crc64: true as const }),
    async command({ origin, directory, certificate, scratch }) {
      const state = await mkdtemp(path.join(scratch, 'state-'));
      const fixed = ['--no-manifest', '-q', '--api-rate', '10000', '--state-dir', state];
      const endpoints = ['--vod-endpoint', origin, '--cos-endpoint', origin];
      return {
        argv: [process.execPath, OURS, directory, ...fixed, ...endpoints, ...flags],
        env: {
          TENCENTCLOUD_SECRET_ID: SECRET_ID,
          TENCENTCLOUD_SECRET_KEY: SECRET_KEY,
          ...trust(origin, certificate),
        },
      };
    },
  };
}

/** The command line of vod-upload, as `bin/` runs it. */
export const OURS = here('../../../bin/vod-upload.js');

/** Adding an authority costs Node 120 ms at its start: not where there is nothing to trust. */
function trust(origin: string, certificate: string): Readonly<Record<string, string>> {
  return origin.startsWith('https') ? { NODE_EXTRA_CA_CERTS: certificate } : {};
}

function peer(name: string, installedAt: string, vod?: true): Contender {
  return {
    name,
    needs: { package: name },
    ...(vod && { vod }),
    command: ({ origin, files, certificate }) => ({
      argv: [process.execPath, here('peer.js'), name, origin, installedAt, ...files],
      env: trust(origin, certificate),
    }),
  };
}

const curl: Contender = {
  name: 'curl, two at once',
  needs: { program: 'curl' },
  command({ origin, files, certificate }) {
    const targets = files.flatMap((file) => ['-T', file, `${origin}/`]);
    // Two shares, or more where they would be longer than xargs lets a command be.
    const each = 3 * Math.min(500, Math.ceil(files.length / 2));
    const share = `printf '%s\\0' "$@" | xargs -0 -P 2 -n ${each} curl -sf --cacert '${certificate}'`;
    return { argv: ['sh', '-c', share, 'sh', ...targets] };
  },
};

const rclone: Contender = {
  name: `rclone ${PART_MIB}M x8`,
  needs: { program: 'rclone' },
  command: ({ origin, directory, certificate }) => ({
    argv: [
      ...['rclone', 'copy', directory, `:s3:${BUCKET}`, '--config', '/dev/null'],
      ...['--s3-provider', 'Other', '--s3-endpoint', origin, '--s3-no-check-bucket'],
      ...['--s3-access-key-id', SECRET_ID, '--s3-secret-access-key', SECRET_KEY],
      ...['--s3-chunk-size', `${PART_MIB}M`, '--s3-upload-concurrency', '8', '--transfers', '8'],
      ...['--s3-no-head', '--s3-disable-checksum', '--no-traverse', '--ca-cert', certificate],
    ],
  }),
};

const awsEnv = {
  AWS_ACCESS_KEY_ID: SECRET_ID,
  AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  AWS_REGION: REGION,
  AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
  AWS_EC2_METADATA_DISABLED: 'true',
};

const s5cmd: Contender = {
  name: `s5cmd ${PART_MIB}M x8`,
  needs: { program: 's5cmd' },
  command: ({ origin, directory }) => ({
    argv: [
      ...['s5cmd', '--endpoint-url', origin, '--no-verify-ssl', '--log', 'error', 'cp'],
      ...['-c', '8', '-p', `${PART_MIB}`, `${directory}/`, `s3://${BUCKET}/`],
    ],
    env: awsEnv,
  }),
};

const aws: Contender = {
  name: 'aws s3 cp',
  needs: { program: 'aws' },
  command: ({ origin, directory, certificate }) => ({
    argv: [
      ...['aws', 's3', 'cp', '--recursive', '--only-show-errors', '--endpoint-url', origin],
      ...[directory, `s3://${BUCKET}/`],
    ],
    env: { ...awsEnv, AWS_CA_BUNDLE: certificate, AWS_CONFIG_FILE: '/dev/null' },
  }),
};

const s3cmd: Contender = {
  name: 's3cmd put',
  needs: { program: 's3cmd' },
  command: ({ origin, directory }) => ({
    argv: [
      ...['s3cmd', 'put', '--recursive', '--quiet', '--config', '/dev/null'],
      ...['--access_key', SECRET_ID, '--secret_key', SECRET_KEY, '--no-check-certificate'],
      ...['--host', new URL(origin).host, '--host-bucket', new URL(origin).host],
      ...[origin.startsWith('https') ? '--ssl' : '--no-ssl', `${directory}/`, `s3://${BUCKET}/`],
    ],
  }),
};

/** Everyone else, for scenarios in which everyone takes part. */
export function peers(installedAt: Readonly<Record<string, string>>): readonly Contender[] {
  const packages = Object.entries(installedAt).map(([name, directory]) =>
    peer(name, directory, name === 'vod-node-sdk' ? true : undefined),
  );
  return [curl, ...packages, rclone, s5cmd, aws, s3cmd];
}

/** Why a contender cannot take part here, if it cannot. */
export async function missing(contender: Contender): Promise<string | undefined> {
  const { needs } = contender;
  if (needs === undefined || 'package' in needs) return undefined;
  return (await isInstalled(needs.program)) ? undefined : `no ${needs.program} on this machine`;
}
