import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import type { Outcome } from '../../src/core/model.js';
import { createWorld, jobOf, type TestWorld } from '../helpers/world.js';

let world: TestWorld;
let playlist: string;
let segment: string;

beforeEach(async () => {
  world = await createWorld();
  playlist = await world.write('tour.m3u8', '#EXTM3U\npart7.ts\n');
  segment = await world.write('part7.ts', 'segment');
});
afterEach(() => world.close());

async function upload(relativeKey: string, before = async () => {}): Promise<Outcome | undefined> {
  const [job, { media }] = [await jobOf(playlist), await jobOf(segment)];
  await before();
  const [outcome] = await world.run([{ ...job, segments: [{ ...media, relativeKey }] }]);
  return outcome;
}

test('a failure of a playlist tells which segment it was', async () => {
  const outcome = await upload(`${'d/'.repeat(400)}part7.ts`);
  assert.ok(outcome?.status === 'failed');
  assert.equal(outcome.failure.facts.serviceCode, 'KeyTooLong');
  assert.equal(outcome.failure.facts.stage, 'upload-segment');
  assert.ok(outcome.failure.message.startsWith(`${segment}: `), outcome.failure.message);
});

test('and tells it once where the segment itself is at fault', async () => {
  const outcome = await upload('part7.ts', () => rm(segment));
  assert.ok(outcome?.status === 'failed');
  assert.equal(outcome.failure.code, 'source-missing');
  assert.equal(outcome.failure.message.split(segment).length, 2, outcome.failure.message);
});
