import assert from 'node:assert/strict';
import { readFile, rename, stat, utimes } from 'node:fs/promises';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatLease, parseLease } from '../../src/journal/leases.js';
import { openStore } from '../../src/journal/store.js';
import { createDice, type Dice } from '../helpers/kill-dice.js';
import { createKillWorld, heldAt, storedParts, type KillWorld } from '../helpers/kill-world.js';
import type { Ran } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;
const FILM = ['film.mp4', '--part-size', '1M'];

interface World extends KillWorld {
  readonly dice: Dice;
}

async function createWorld(t: TestContext, faults: readonly string[] = []): Promise<World> {
  const world = await createKillWorld(faults);
  t.after(() => world.close());
  return { ...world, dice: createDice(t.name) };
}

/** A run of film.mp4, three parts, is killed where the rule holds it: at the third one another is stored. */
async function createKilled(t: TestContext, rule = 'UploadPart#3:hang'): Promise<World> {
  const world = await createWorld(t);
  await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, world.dice);
  await killAt(world, rule);
  return world;
}

async function killAt(world: World, rule: string): Promise<void> {
  const ran = await world.runUntil(FILM, (life) =>
    heldAt(world, life, { rule, isDone: rule.endsWith('-after') }),
  );
  assert.equal(ran.signal, 'SIGKILL', ran.stderr);
}

/** The one session that was committed holds what the file holds now. */
async function assertUploadedOnce(world: World): Promise<void> {
  const committed = world.cloud.committed();
  assert.equal(committed.length, 1);
  const object = await readFile(world.cloud.objectPath(committed[0]?.mediaKey ?? ''));
  assert.ok(object.equals(await readFile(world.shell.at('film.mp4'))), 'the same bytes');
  assert.deepEqual(world.cloud.openUploads(), []);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

async function statusesOf({ shell }: KillWorld, manifest?: string): Promise<string[]> {
  const { results } = await shell.manifest(manifest);
  return results.map(({ status, reason }) => reason ?? status);
}

/** Several runs of the same command line begin together. */
async function race(world: World, count: number, args: readonly string[]): Promise<void> {
  const names = Array.from({ length: count }, (_none, index) => `run-${index}.json`);
  const rans = await Promise.all(
    names.map((name) => world.shell.run([...args, '--manifest', name])),
  );
  const statuses = await Promise.all(names.map((name) => statusesOf(world, name)));
  for (const [index, { code, stderr }] of rans.entries()) {
    const own = statuses[index] ?? [];
    assert.equal(own.length, world.titles.length);
    assert.equal(code, own.includes('held-by-other-run') ? 7 : 0, stderr);
  }
  const uploaded = statuses.flat().filter((status) => status === 'uploaded');
  assert.equal(uploaded.length, world.titles.length, 'each is uploaded by one of them');
  assert.equal(world.cloud.committed().length, world.titles.length);
  assert.equal(world.cloud.sessions().length, world.titles.length);
}

describe('runs at the same time', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  for (const [runs, files] of [
    [2, 6],
    [3, 20],
  ] as const) {
    test(`${runs} processes on the same ${files} files upload each once, and say what they left to others`, async (t) => {
      const world = await createWorld(t, ['PutObject:delay=80@0.5', 'UploadPart:delay=80@0.5']);
      for (let file = 0; file < files; file++) {
        const media = world.dice.whole(1, 2 * MIB);
        await world.write({ path: `videos/${file}.mp4` }, { media }, world.dice);
      }
      await race(world, runs, ['videos', '--part-size', '1M']);
    });
  }

  test('a file that another run holds is left to it: exit 7; once that one is killed, it is free', async (t) => {
    const world = await createWorld(t);
    await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, world.dice);
    await world.runUntil(FILM, async (life) => {
      await heldAt(world, life, { rule: 'UploadPart#2:hang', isDone: false });
      const other = await world.shell.run(FILM);
      assert.equal(other.code, 7, other.stderr);
      assert.deepEqual(await statusesOf(world), ['held-by-other-run']);
      const planned = await world.shell.run([...FILM, '--dry-run']);
      assert.equal(planned.code, 7, planned.stderr);
      assert.match(planned.stdout, /^skip {4}film\.mp4 \(held-by-other-run\)$/m);
      const abort = await world.shell.run(['jobs', 'abort']);
      assert.equal(abort.code, 7, abort.stderr);
      assert.match((await world.shell.run(['jobs', 'list'])).stdout, /held by process \d+/);
    });
    const next = await world.run(FILM);
    assert.equal(next.code, 0, next.stderr);
    await assertUploadedOnce(world);
  });

  test('what another run is committing is left to it by jobs abort: exit 7', async (t) => {
    const world = await createWorld(t);
    await world.write({ path: 'film.mp4' }, { media: MIB }, world.dice);
    await world.runUntil(FILM, async (life) => {
      await heldAt(world, life, { rule: 'CommitUpload:hang', isDone: false });
      const abort = await world.shell.run(['jobs', 'abort']);
      assert.equal(abort.code, 7, abort.stderr);
      assert.match(abort.stderr, /1 unfinished job stays: another run has it/);
    });
  });

  for (const { end, rule, code, told } of [
    { end: 'may be committed', rule: 'CommitUpload:hang-after', code: 9, told: /media may exist/ },
    { end: 'is uploaded', rule: undefined, code: 0, told: /^$/ },
  ]) {
    test(`what another run does while jobs abort is at work counts, where the file ${end}: exit ${code}`, async (t) => {
      const world = await createWorld(t);
      for (const path of ['one.mp4', 'two.mp4']) {
        await world.write({ path }, { media: 2 * MIB + 7 }, world.dice);
      }
      const both = ['one.mp4', 'two.mp4', '--part-size', '1M'];
      await world.runUntil(both, (life) =>
        life.until(() => world.cloud.openUploads().length === 2),
      );
      const listed = await world.shell.run(['jobs', 'list', '--json']);
      const last = JSON.parse(listed.stdout.trim().split('\n')[1] ?? '') as { path: string };
      world.cloud.fail('AbortMultipartUpload:delay=4000');
      const abort = world.shell.start(['jobs', 'abort']);
      await until(() =>
        world.cloud.requests.some(({ operation }) => operation === 'AbortMultipartUpload'),
      );
      const other = [last.path, '--part-size', '1M'];
      if (rule === undefined) assert.equal((await world.run(other)).code, 0);
      else await world.runUntil(other, (life) => heldAt(world, life, { rule, isDone: true }));
      const aborted = await abort.ended;
      assert.equal(aborted.code, code, aborted.stderr);
      assert.match(aborted.stderr, told);
      assert.equal((await world.run(both)).code, 0);
      assert.equal(world.cloud.committed().length, 2);
    });
  }

  test('a claim is free although its process number belongs to another process by now', async (t) => {
    const world = await createKilled(t);
    const store = await openStore(world.shell.at('state/vod-upload/journal.lmdb'));
    await store.transact(({ runs }) => {
      for (const { key, value } of runs.slice(10)) {
        const lease = parseLease(value);
        if (lease)
          runs.put(key, formatLease({ ...lease, pid: process.pid, renewedAt: new Date() }));
      }
    });
    await store.close();
    const next = await world.run(FILM);
    assert.equal(next.code, 0, next.stderr);
    assert.equal(world.cloud.sessions().length, 1);
    await assertUploadedOnce(world);
  });
});

describe(
  'a file that changes between a kill and the next run',
  { concurrency: 2, timeout: TIMEOUT_MS },
  () => {
    for (const rule of ['UploadPart#2:hang', 'InitiateMultipartUpload:hang-after']) {
      test(`${rule}: the old upload is aborted, a new one is made of the new bytes alone`, async (t) => {
        const world = await createKilled(t, rule);
        await world.shell.write('film.mp4', world.dice.bytes(2 * MIB + 99));
        const next = await world.run(FILM);
        assert.equal(next.code, 0, next.stderr);
        assert.equal(world.cloud.sessions().length, 2);
        await assertUploadedOnce(world);
      });
    }

    test('with its old size and time, and other bytes: what is stored of it is sent again', async (t) => {
      const world = await createKilled(t, 'UploadPart#3:hang');
      const film = world.shell.at('film.mp4');
      const { atime, mtime, size } = await stat(film);
      await world.shell.write('film.mp4', world.dice.bytes(size));
      await utimes(film, atime, mtime);
      const next = await world.run(FILM);
      assert.equal(next.code, 0, next.stderr);
      await assertUploadedOnce(world);
    });
  },
);

describe('after a kill', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  for (const rule of [
    'UploadPart#2:hang',
    'InitiateMultipartUpload:hang-after',
    'ApplyUpload:hang-after',
  ]) {
    test(`at ${rule}, --no-resume begins anew and leaves nothing of the old upload`, async (t) => {
      const world = await createKilled(t, rule);
      const next = await world.run([...FILM, '--no-resume']);
      assert.equal(next.code, 0, next.stderr);
      assert.equal(world.cloud.sessions().length, 2);
      await assertUploadedOnce(world);
    });

    test(`at ${rule}, jobs abort leaves neither a job nor a multipart upload`, async (t) => {
      const world = await createKilled(t, rule);
      const aborted = await world.shell.run(['jobs', 'abort']);
      assert.equal(aborted.code, 0, aborted.stderr);
      assert.deepEqual(world.cloud.openUploads(), []);
      assert.equal((await world.shell.run(['jobs', 'list'])).stdout, '');
    });
  }

  test('--no-resume after a commit that may have happened makes no second media', async (t) => {
    const world = await createKilled(t, 'CommitUpload:hang-after');
    const next = await world.run([...FILM, '--no-resume']);
    assert.equal(next.code, 0, next.stderr);
    await assertUploadedOnce(world);
  });

  test('a media that may exist is neither aborted nor forgotten, also where its file has changed', async (t) => {
    const world = await createKilled(t, 'CommitUpload:hang-after');
    const aborted = await world.shell.run(['jobs', 'abort']);
    assert.equal(aborted.code, 9, aborted.stderr);
    assert.match(aborted.stderr, /the media may exist: vod-upload jobs resume ends it/);
    await world.shell.write('film.mp4', 'other');
    const next = await world.run(FILM);
    assert.equal(next.code, 0, next.stderr);
    assert.match(next.stderr, /may be a media by now: vod-upload jobs resume ends it/);
    const resumed = await world.run(['jobs', 'resume']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(world.cloud.committed().length, 2);
    assert.equal((await world.shell.run(['jobs', 'list'])).stdout, '');
  });

  for (const [rule, remedy] of [
    [
      'UploadPart#3:hang',
      'vod-upload jobs resume ends it as a media of its own, vod-upload jobs abort gives it up\n',
    ],
    ['CommitUpload:hang-after', 'vod-upload jobs resume ends it as a media of its own\n'],
  ] as const) {
    test(`a skip tells of what --force began and did not end, and what can be done: ${rule}`, async (t) => {
      const world = await createWorld(t);
      await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, world.dice);
      assert.equal((await world.run(FILM)).code, 0);
      const ran = await world.runUntil([...FILM, '--force'], (life) =>
        heldAt(world, life, { rule, isDone: rule.endsWith('-after') }),
      );
      assert.equal(ran.signal, 'SIGKILL', ran.stderr);
      const next = await world.run(FILM);
      assert.equal(next.code, 0, next.stderr);
      assert.ok(next.stderr.includes(`another upload of it is unfinished: ${remedy}`), next.stderr);
    });
  }

  test('--force goes on with what is unfinished, and uploads anew what is done', async (t) => {
    // With two connections the third part begins once another is stored.
    const world = await createKilled(t, 'UploadPart#3:hang');
    const stored = storedParts(world.cloud);
    assert.ok(stored.size > 0);
    assert.equal((await world.run([...FILM, '--force'])).code, 0);
    assert.equal(world.cloud.sessions().length, 1);
    await assertUploadedOnce(world);
    assert.equal((await world.run([...FILM, '--force'])).code, 0);
    assert.equal(world.cloud.committed().length, 2);
  });

  test('jobs gc aborts what nothing can finish, since its file has changed, and names it', async (t) => {
    const world = await createKilled(t);
    await world.shell.write('film.mp4', 'other');
    const collected = await world.shell.run(['jobs', 'gc']);
    assert.match(collected.stdout, /"abandoned":1/, collected.stderr);
    assert.match(collected.stderr, /^film\.mp4: its unfinished upload is given up/);
    assert.deepEqual(world.cloud.openUploads(), []);
    assert.equal((await world.shell.run(['jobs', 'list'])).stdout, '');
  });

  test('jobs gc keeps what is unfinished of a file that is missing: its disk may be away', async (t) => {
    const world = await createKilled(t);
    const [film, away] = ['film.mp4', 'away.mp4'].map(world.shell.at);
    await rename(film as string, away as string);
    const collected = await world.shell.run(['jobs', 'gc']);
    assert.match(collected.stdout, /"abandoned":0/, collected.stderr);
    await rename(away as string, film as string);
    assert.equal((await world.run(FILM)).code, 0);
    assert.equal(world.cloud.sessions().length, 1);
    await assertUploadedOnce(world);
  });

  test('jobs list shows what is unfinished, jobs resume ends it, jobs gc finds nothing to do', async (t) => {
    const world = await createKilled(t);
    const listed = await world.shell.run(['jobs', 'list']);
    assert.match(listed.stdout, /^\S+\tsending\tresumable\t2\.00 MiB\tfilm\.mp4\n$/);
    const kept = await world.shell.run(['jobs', 'gc']);
    assert.match(kept.stdout, /"checkpoints":0/);
    const resumed = await world.run(['jobs', 'resume']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(world.cloud.sessions().length, 1);
    await assertUploadedOnce(world);
    const again: Ran = await world.shell.run(FILM);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(world.cloud.committed().length, 1);
  });
});
