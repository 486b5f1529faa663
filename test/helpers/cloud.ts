import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseFaultRule } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';

/** A sandbox in this process for commands that run in others. */
export interface Cloud extends Sandbox {
  /** What a command needs to find it. */
  readonly env: Readonly<Record<string, string>>;
}

export async function startCloud(faults: readonly string[] = []): Promise<Cloud> {
  const dir = await mkdtemp(join(tmpdir(), 'vod-upload-cloud-'));
  const sandbox = await startSandbox({
    dir,
    apiRateLimit: 10_000,
    faults: faults.map(parseFaultRule),
  });
  return {
    ...sandbox,
    env: {
      TENCENTCLOUD_SECRET_ID: sandbox.secretId,
      TENCENTCLOUD_SECRET_KEY: sandbox.secretKey,
      VOD_UPLOAD_VOD_ENDPOINT: sandbox.origin,
      VOD_UPLOAD_COS_ENDPOINT: sandbox.origin,
    },
    async close() {
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
