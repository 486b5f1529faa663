import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestRecord } from '../../src/sandbox/sandbox.js';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';

export const MIB = 1024 * 1024;
const POLL_MS = 4;
export const TIMEOUT_MS = 30_000;
/** Where nothing may be waited for; a slow machine's process exit included. */
export const AT_ONCE_MS = 500;
/** A signal that comes sooner after one of the same name may be the same request. */
export const ANOTHER_REQUEST_MS = 320;

/** A shell with its cloud, and ways to wait for a moment. */
export interface World extends CloudShell {
  /** Looks until the condition holds, or the test is over. */
  until(condition: () => boolean): Promise<void>;
  /** Resolves once a request is there that the condition holds for. */
  arrived(condition: (record: RequestRecord) => boolean): Promise<void>;
}

export async function createWorld(t: TestContext, faults?: readonly string[]): Promise<World> {
  const shell = await createCloudShell(faults);
  t.after(() => shell.close());
  const until: World['until'] = async (condition) => {
    while (!condition()) await sleep(POLL_MS, undefined, { signal: t.signal });
  };
  const arrived: World['arrived'] = (condition) =>
    until(() => shell.cloud.requests.some(condition));
  return { ...shell, until, arrived };
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
  const ran = await world.run(['film.mp4', '--part-size', '1M']);
  assert.equal(ran.code, 0, ran.stderr);
  const requests = world.cloud.requests.slice(from);
  assert.ok(!requests.some(({ operation }) => operation === 'ApplyUpload'));
  const sent = requests.filter(({ operation }) => operation === 'UploadPart');
  assert.deepEqual(sent.map(({ partNumber }) => partNumber).sort(), [3, 4]);
}
