import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { UploadEvent } from '../../src/core/events.js';
import type { Cos } from '../../src/core/ports.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';

/** What may happen to a file of three parts once the first of them is stored. */
const changes: readonly (readonly [string, (path: string) => void, code?: string])[] = [
  ['grows', (path) => appendFileSync(path, 'x')],
  ['shrinks', (path) => truncateSync(path, 1.5 * MIB)],
  ['is emptied', (path) => truncateSync(path)],
  ['is rewritten at the same size', (path) => writeFileSync(path, randomBytes(3 * MIB))],
  ['is touched', (path) => utimesSync(path, 1, 1)],
  ['is deleted', (path) => rmSync(path), 'source-missing'],
  [
    'is replaced by a copy of itself, size and time included',
    (path) => {
      const { atime, mtime } = statSync(path);
      copyFileSync(path, `${path}.copy`);
      utimesSync(`${path}.copy`, atime, mtime);
      renameSync(`${path}.copy`, path);
    },
  ],
  [
    'is replaced by a directory',
    (path) => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
  [
    'is replaced by a named pipe that nobody writes to',
    (path) => {
      rmSync(path);
      execFileSync('mkfifo', [path]);
    },
  ],
];

describe('a file that changes while it is being sent fails its own job and no other', () => {
  let world: TestWorld;
  let victim: string;
  let bystander: string;

  beforeEach(async () => {
    world = await createWorld({ slots: 1, partSize: MIB });
    victim = await world.write('victim.mp4', 3 * MIB);
    bystander = await world.write('bystander.mp4', 3 * MIB);
    for (const path of [victim, bystander]) utimesSync(path, 1_700_000_000, 1_700_000_000);
  });
  afterEach(() => world.close());

  /** Does `change` at the moment when the service has so many bytes. */
  function onceStored(bytes: number, change: (path: string) => void): void {
    const { emit } = world.ports;
    let isDone = false;
    const watching = (event: UploadEvent): void => {
      emit(event);
      const isStored = event.type === 'job-progress' && event.bytesStored >= bytes;
      if (!isStored || event.path !== victim || isDone) return;
      isDone = true;
      change(victim);
    };
    Object.assign(world.ports, { emit: watching });
  }

  /** How often it was asked for the victim's media. */
  function requestsOf(operation: string): number {
    const session = world.sandbox.sessions().find(({ params }) => params['MediaName'] === 'victim');
    const isVictim = (key: string | undefined): boolean => key === session?.mediaKey;
    return world.sandbox.requests.filter((one) => one.operation === operation && isVictim(one.key))
      .length;
  }

  for (const [what, change, code = 'source-changed'] of changes) {
    test(what, async () => {
      onceStored(1, change);
      const outcomes = await world.run([await jobOf(victim), await jobOf(bystander)]);
      const failed = outcomes.find(({ status }) => status !== 'uploaded');
      assert.ok(failed?.status === 'failed');
      assert.deepEqual([failed.path, failed.failure.code], [victim, code]);
      assert.equal(failed.failure.facts.stage, 'upload-media');
      const uploaded = outcomes.find(({ status }) => status === 'uploaded');
      assert.ok(uploaded?.status === 'uploaded');
      const stored = world.sandbox.objectPath(uploaded.receipt.storage.path.slice(1));
      assert.ok((await readFile(stored)).equals(await readFile(bystander)));
      assert.equal(world.sandbox.committed().length, 1);
      assert.equal(requestsOf('UploadPart'), 1);
      if (code === 'source-changed') assert.deepEqual(world.sandbox.openUploads(), []);
      assert.equal(world.openFiles, 0);
    });
  }

  test('also where all of it is stored by then, and is not merged', async () => {
    onceStored(3 * MIB, (path) => utimesSync(path, 1, 1));
    const [outcome] = await world.run([await jobOf(victim)]);
    assert.ok(outcome?.status === 'failed');
    assert.equal(outcome.failure.code, 'source-changed');
    assert.equal(requestsOf('CompleteMultipartUpload'), 0);
    assert.deepEqual(world.sandbox.openUploads(), []);
  });

  for (const role of ['cover', 'segment'] as const) {
    test(`and so does a ${role} that changes once it is stored`, async () => {
      const path = await world.write('victim.jpg', 1000);
      const { media: file } = await jobOf(path);
      const job = await jobOf(victim, role === 'cover' ? path : undefined);
      const segments = role === 'segment' ? [{ ...file, relativeKey: 'a.ts' }] : [];
      const { cos } = world.ports;
      const put: Cos['put'] = async (...call) => {
        const stored = await cos.put(...call);
        writeFileSync(path, randomBytes(1000));
        return stored;
      };
      Object.assign(world.ports, { cos: { ...cos, put } });
      const [outcome] = await world.run([{ ...job, segments }]);
      assert.ok(outcome?.status === 'failed');
      assert.equal(outcome.failure.code, 'source-changed');
      assert.ok(outcome.failure.message.includes(path), outcome.failure.message);
      assert.ok(world.sandbox.sessions().every(({ commits }) => commits === 0));
    });
  }

  test('and is uploaded as it is by then, once, when the command is run again', async () => {
    onceStored(1, (path) => writeFileSync(path, randomBytes(2 * MIB)));
    await world.run([await jobOf(victim)]);
    world.restart();
    const [outcome] = await world.run([await jobOf(victim)]);
    assert.ok(outcome?.status === 'uploaded');
    const stored = world.sandbox.objectPath(outcome.receipt.storage.path.slice(1));
    assert.ok((await readFile(stored)).equals(await readFile(victim)));
    assert.equal(world.sandbox.committed().length, 1);
  });
});

test('an unfinished upload is gone on with only where each of its files is as it was: nothing is sent', async (t) => {
  const world = await createWorld({ retries: 0, faults: ['UploadPart#2:500*2'] });
  t.after(() => world.close());
  const job = await jobOf(await world.write('a.mp4', 3 * MIB), await world.write('a.jpg', 1000));
  assert.equal((await world.run([job]))[0]?.status, 'failed');
  assert.equal(world.sandbox.openUploads().length, 1);
  await world.write('a.jpg', 2000);
  world.restart();
  const before = world.sandbox.requests.length;
  const [outcome] = await world.run([job]);
  assert.ok(outcome?.status === 'failed');
  assert.equal(outcome.failure.code, 'source-changed');
  const sent = world.sandbox.requests.slice(before).map(({ operation }) => operation);
  assert.ok(!sent.some((operation) => /^(PutObject|UploadPart)$/.test(operation)), `${sent}`);
  assert.deepEqual(world.sandbox.openUploads(), []);
});
