import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestRecord } from '../../src/sandbox/sandbox.js';
import { startCloud, type Cloud } from '../helpers/cloud.js';
import { createDice } from '../helpers/kill-dice.js';
import { createShell, type Shell } from '../helpers/run-cli.js';

export const MIB = 1024 * 1024;
const POLL_MS = 4;
export const TIMEOUT_MS = 30_000;
/** Where nothing may be waited for; a slow machine's process exit included. */
export const AT_ONCE_MS = 500;
/** A signal that comes sooner after one of the same name may be the same request. */
export const ANOTHER_REQUEST_MS = 320;

/** A cloud that can be told to fail, and a directory with files to send there. */
export interface World {
  readonly cloud: Cloud;
  readonly shell: Shell;
  /** Writes a file of the shell's directory. */
  write(name: string, size: number): Promise<void>;
  /** Looks until the condition holds, or the test is over. */
  until(condition: () => boolean): Promise<void>;
  /** Resolves once a request is there that the condition holds for. */
  arrived(condition: (record: RequestRecord) => boolean): Promise<void>;
}

export async function createWorld(t: TestContext, faults: readonly string[]): Promise<World> {
  const cloud = await startCloud(faults);
  const shell = await createShell(cloud.env);
  t.after(async () => {
    await shell.close();
    await cloud.close();
  });
  const dice = createDice(t.name);
  const until: World['until'] = async (condition) => {
    while (!condition()) await sleep(POLL_MS, undefined, { signal: t.signal });
  };
  return {
    cloud,
    shell,
    until,
    write: (name, size) => writeFile(join(shell.dir, name), dice.bytes(size)),
    arrived: (condition) => until(() => cloud.requests.some(condition)),
  };
}

interface Manifest {
  readonly exitCode: number;
  readonly results: readonly { readonly path: string; readonly status: string }[];
}

export async function manifestOf({ shell }: World): Promise<Manifest> {
  const text = await readFile(join(shell.dir, 'vod-upload-manifest.json'), 'utf8');
  return JSON.parse(text) as Manifest;
}

export function count({ cloud }: World, operation: string): number {
  return cloud.requests.filter((record) => record.operation === operation).length;
}

export const isHeld = (record: RequestRecord): boolean => record.fault === 'hang';

/** Parts 1 and 2 of four are stored, the others are never answered. */
export async function createHalfSent(t: TestContext): Promise<World> {
  const world = await createWorld(t, ['UploadPart#3:hang', 'UploadPart#4:hang']);
  await world.write('film.mp4', 4 * MIB);
  return world;
}

export async function isHalfSent(world: World): Promise<void> {
  await world.arrived((record) => record.partNumber === 4 && isHeld(record));
  await world.until(() => world.cloud.openUploads()[0]?.parts.length === 2);
}

/** The next run sends what is missing, and nothing else. */
export async function assertGoesOn(world: World): Promise<void> {
  const from = world.cloud.requests.length;
  const ran = await world.shell.run(['film.mp4', '--part-size', '1M']);
  assert.equal(ran.code, 0, ran.stderr);
  const requests = world.cloud.requests.slice(from);
  assert.ok(!requests.some(({ operation }) => operation === 'ApplyUpload'));
  const sent = requests.filter(({ operation }) => operation === 'UploadPart');
  assert.deepEqual(sent.map(({ partNumber }) => partNumber).sort(), [3, 4]);
}
