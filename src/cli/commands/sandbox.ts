import { resolve } from 'node:path';
import { usageError } from '../../core/errors.js';
import { visible } from '../../core/text.js';
import { parseFaultRule } from '../../sandbox/faults.js';
import { openSandbox } from '../open-sandbox.js';
import type { World } from '../world.js';

export interface SandboxFlags {
  readonly port: number;
  readonly dir: string;
  readonly fault: readonly string[];
  readonly seed: number;
  readonly json: boolean;
}

/** Serves until it is interrupted. */
export async function runSandbox(flags: SandboxFlags, world: World): Promise<number> {
  const { port, seed } = flags;
  const dir = resolve(world.cwd, flags.dir);
  const sandbox = await openSandbox({ dir, port, seed, faults: flags.fault.map(readFault) });
  const { origin, secretId, secretKey } = sandbox;
  if (flags.json) {
    world.stdout.write(`${JSON.stringify({ origin, secretId, secretKey, dir })}\n`);
  } else {
    world.stdout.write(
      [
        `listening on ${origin}, objects in ${visible(dir)}`,
        `secret id: ${secretId}`,
        `secret key: ${secretKey}`,
        'To upload there from another shell:',
        `export TENCENTCLOUD_SECRET_ID=${secretId}`,
        `export TENCENTCLOUD_SECRET_KEY=${secretKey}`,
        `export VOD_UPLOAD_VOD_ENDPOINT=${origin}`,
        `export VOD_UPLOAD_COS_ENDPOINT=${origin}`,
        `export VOD_UPLOAD_STATE_DIR=${quoted(resolve(dir, '.state'))}`,
        '',
      ].join('\n'),
    );
  }
  const code = await new Promise<number>((done) => {
    process.once('SIGINT', () => done(130));
    process.once('SIGTERM', () => done(143));
  });
  await sandbox.close();
  return code;
}

/** A word of a shell. */
function quoted(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function readFault(text: string): ReturnType<typeof parseFaultRule> {
  try {
    return parseFaultRule(text);
  } catch (error) {
    throw usageError(
      `--fault: ${(error as Error).message}`,
      'Write it as Operation[#part]:action[*count][@probability], e.g. "UploadPart#3:503*2".',
    );
  }
}
