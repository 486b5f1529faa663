import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseFaultRule } from '../../src/sandbox/faults.js';
import {
  startSandbox,
  type Sandbox,
  type SandboxOptions,
  type SessionRecord,
} from '../../src/sandbox/sandbox.js';
import { createShell, type Shell } from './run-cli.js';

/** A sandbox in this process, on a directory of its own. */
export interface Cloud extends Sandbox {
  readonly dir: string;
  /** What a command needs to find it. */
  readonly env: Readonly<Record<string, string>>;
  /** The sessions that are a media by now. */
  committed(): SessionRecord[];
  /** More faults, after those already there: rules as `UploadPart#2:503*3`. */
  fail(...rules: readonly string[]): void;
}

/** A shell whose commands upload to a cloud of its own; both are closed together. */
export interface CloudShell extends Shell {
  readonly cloud: Cloud;
}

export async function startCloud(
  faults: readonly string[] = [],
  options: Partial<SandboxOptions> = {},
): Promise<Cloud> {
  const dir = await mkdtemp(join(tmpdir(), 'vod-upload-cloud-'));
  const sandbox = await startSandbox({
    dir,
    apiRateLimit: 10_000,
    faults: faults.map(parseFaultRule),
    ...options,
  });
  return {
    ...sandbox,
    dir,
    env: {
      TENCENTCLOUD_SECRET_ID: sandbox.secretId,
      TENCENTCLOUD_SECRET_KEY: sandbox.secretKey,
      VOD_UPLOAD_VOD_ENDPOINT: sandbox.origin,
      VOD_UPLOAD_COS_ENDPOINT: sandbox.origin,
    },
    committed: () => sandbox.sessions().filter(({ commits }) => commits > 0),
    fail: (...rules) => sandbox.addFaults(...rules.map(parseFaultRule)),
    async close() {
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function createCloudShell(faults: readonly string[] = []): Promise<CloudShell> {
  const cloud = await startCloud(faults);
  const shell = await createShell(cloud.env);
  return {
    ...shell,
    cloud,
    async close() {
      await shell.close();
      await cloud.close();
    },
  };
}
