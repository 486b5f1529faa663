import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test, type TestContext } from 'node:test';
import { createDice } from '../helpers/kill-dice.js';
import {
  assertNothingIsLeft,
  createKilled,
  createKillWorld,
  heldAt,
  type KillWorld,
} from '../helpers/kill-world.js';
import type { RunOptions } from '../helpers/run-cli.js';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;
const MANIFEST = 'vod-upload-manifest.json';
const ONCE = ['--retries', '0'];
const NO_KEYS = { TENCENTCLOUD_SECRET_ID: '', TENCENTCLOUD_SECRET_KEY: '' };
/** Nobody listens there. */
const NOWHERE = ['--cos-endpoint', 'http://127.0.0.1:1'];

/** As `createKilled`, but for the certificate, which the service did not grant: the own key signs. */
async function createKilledWithoutCertificate(t: TestContext): Promise<KillWorld> {
  const world = await createKillWorld(['ApplyUpload:without=TempCertificate', 'UploadPart#3:hang']);
  t.after(() => world.close());
  await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, createDice(t.name));
  const killed = await world.runUntil(['film.mp4', '--part-size', '1M'], (life) =>
    life.until(() =>
      life.requests().some(({ operation, fault }) => operation === 'UploadPart' && fault),
    ),
  );
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  assert.equal(world.cloud.openUploads().length, 1);
  return world;
}

describe('an upload that cannot be aborted', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  for (const { name, rule, faults = [], flags = [], reason, remedy } of [
    {
      name: 'COS answers 503',
      faults: ['ListMultipartUploads:503', 'AbortMultipartUpload:503'],
      reason: /Multipart\w+: ServiceUnavailable/,
      remedy: /Run the same command again later/,
    },
    {
      name: 'COS is not reached',
      flags: NOWHERE,
      reason: /ECONNREFUSED/,
      remedy: /Check the network/,
    },
    {
      name: 'its id was never told, and uploads cannot be listed for now',
      rule: 'InitiateMultipartUpload:hang-after',
      faults: ['ListMultipartUploads:503'],
      reason: /ListMultipartUploads: ServiceUnavailable/,
      remedy: /Run the same command again later/,
    },
  ]) {
    test(`since ${name}, keeps its job, with the reason and what to do: jobs abort, exit 8`, async (t) => {
      const world = await createKilled(t, rule === undefined ? {} : { rule });
      world.cloud.fail(...faults);
      const aborted = await world.shell.run(['jobs', 'abort', ...ONCE, ...flags]);
      assert.equal(aborted.code, 8, aborted.stderr);
      assert.equal(aborted.stdout, '');
      assert.match(aborted.stderr, /film\.mp4: its upload could not be aborted, so the job stays/);
      assert.match(aborted.stderr, reason);
      assert.match(aborted.stderr, remedy);
      assert.match((await world.shell.run(['jobs', 'list'])).stdout, /resumable/);
      const again = await world.shell.run(['jobs', 'abort']);
      assert.equal(again.code, 0, again.stderr);
      await assertNothingIsLeft(world);
    });
  }

  test('keeps its job also where its file has changed: jobs gc, exit 8', async (t) => {
    const world = await createKilled(t);
    await world.shell.write('film.mp4', 'other');
    const collected = await world.shell.run(['jobs', 'gc', ...ONCE, ...NOWHERE]);
    assert.equal(collected.code, 8, collected.stderr);
    assert.match(collected.stdout, /"abandoned":0/);
    assert.match(collected.stderr, /so the job stays: .*ECONNREFUSED/);
    const again = await world.shell.run(['jobs', 'gc']);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /"abandoned":1/);
    await assertNothingIsLeft(world);
  });

  for (const refusal of ['ExpiredToken', 'AccessDenied']) {
    test(`since COS refuses it, ${refusal}, is told so, and its job is forgotten`, async (t) => {
      const world = await createKilled(t);
      world.cloud.fail(`AbortMultipartUpload:${refusal}`);
      const aborted = await world.shell.run(['jobs', 'abort']);
      assert.equal(aborted.code, 0, aborted.stderr);
      assert.match(aborted.stderr, new RegExp(`may stay stored: AbortMultipartUpload: ${refusal}`));
      assert.equal((await world.shell.run(['jobs', 'list'])).stdout, '');
    });
  }

  test('is none where a file goes by one PUT: COS is not asked', async (t) => {
    const world = await createKillWorld();
    t.after(() => world.close());
    await world.write({ path: 'clip.mp4' }, { media: 1000 }, createDice(t.name));
    await world.runUntil(['clip.mp4'], (life) =>
      heldAt(world, life, { rule: 'PutObject:hang', isDone: false }),
    );
    const aborted = await world.shell.run(['jobs', 'abort', ...ONCE, ...NOWHERE]);
    assert.equal(aborted.code, 0, aborted.stderr);
    await assertNothingIsLeft(world);
  });
});

describe('an upload whose Complete has failed or is unanswered', { timeout: TIMEOUT_MS }, () => {
  for (const [name, args] of [
    ['jobs abort', ['jobs', 'abort']],
    ['--no-resume', ['film.mp4', '--no-resume']],
  ] as const) {
    test(`is aborted where nobody will commit it: ${name}`, async (t) => {
      const world = await createKilled(t, { rule: 'CompleteMultipartUpload:hang' });
      assert.equal(world.cloud.openUploads().length, 1);
      const ran = await world.shell.run(args);
      assert.equal(ran.code, 0, ran.stderr);
      await assertNothingIsLeft(world);
    });
  }

  test('and has merged all the same is no hindrance: jobs abort', async (t) => {
    const world = await createKilled(t, { rule: 'CompleteMultipartUpload:hang-after' });
    const aborted = await world.shell.run(['jobs', 'abort']);
    assert.equal(aborted.code, 0, aborted.stderr);
    assert.equal(aborted.stderr, '');
    await assertNothingIsLeft(world);
  });
});

describe('an upload whose certificate is over by the clock', { timeout: TIMEOUT_MS }, () => {
  /** Makes the clock of a command go three hours ahead. */
  async function later({ shell }: KillWorld): Promise<RunOptions> {
    const ahead = `const Real = Date;
      globalThis.Date = class extends Real {
        static now() { return Real.now() + 3 * 3_600_000; }
        constructor(...args) { super(...(args.length > 0 ? args : [new.target.now()])); }
      };`;
    await shell.write('ahead.mjs', ahead);
    return { env: { NODE_OPTIONS: '--import ./ahead.mjs' } };
  }

  const FILM = ['film.mp4', '--part-size', '1M', '-v'];
  const MAY_STAY =
    /film\.mp4: .*could not be aborted and may stay stored: AbortMultipartUpload: ExpiredToken/;

  test('is begun anew, which is told with what may stay stored: -v', async (t) => {
    const world = await createKilled(t);
    world.cloud.fail('AbortMultipartUpload:ExpiredToken');
    const ran = await world.shell.run(FILM, await later(world));
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /film\.mp4: is begun anew, since its session is over: /);
    assert.match(ran.stderr, MAY_STAY);
    assert.equal(world.cloud.sessions().length, 2);
  });

  test('is told to stay stored where COS does not abort it any more: jobs abort', async (t) => {
    const world = await createKilled(t);
    world.cloud.fail('AbortMultipartUpload:ExpiredToken');
    const clock = await later(world);
    assert.match((await world.shell.run(['jobs', 'list'], clock)).stdout, /\texpired\t/);
    const aborted = await world.shell.run(['jobs', 'abort'], clock);
    assert.equal(aborted.code, 0, aborted.stderr);
    assert.match(aborted.stderr, MAY_STAY);
    assert.equal((await world.shell.run(['jobs', 'list'])).stdout, '');
  });

  for (const args of [FILM, ['jobs', 'abort']]) {
    test(`is aborted where the clock is wrong: ${args.join(' ')}`, async (t) => {
      const world = await createKilled(t);
      const ran = await world.shell.run(args, await later(world));
      assert.equal(ran.code, 0, ran.stderr);
      await assertNothingIsLeft(world);
    });
  }
});

describe('a session without a certificate', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  test('is resumable to jobs list, which needs no keys, and ended by jobs resume', async (t) => {
    const world = await createKilledWithoutCertificate(t);
    const listed = await world.shell.run(['jobs', 'list'], { env: NO_KEYS });
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /\tresumable\t/);
    const resumed = await world.run(['jobs', 'resume']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(world.cloud.sessions().length, 1);
    await assertNothingIsLeft(world);
  });

  test('has its upload aborted by jobs abort', async (t) => {
    const world = await createKilledWithoutCertificate(t);
    const aborted = await world.shell.run(['jobs', 'abort']);
    assert.equal(aborted.code, 0, aborted.stderr);
    await assertNothingIsLeft(world);
  });

  test('has its upload aborted by jobs gc once its file has changed', async (t) => {
    const world = await createKilledWithoutCertificate(t);
    await world.shell.write('film.mp4', 'other');
    const collected = await world.shell.run(['jobs', 'gc']);
    assert.match(collected.stdout, /"abandoned":1/, collected.stderr);
    await assertNothingIsLeft(world);
  });
});

describe('jobs', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  test('jobs resume with nothing to resume says so, exit 4, and leaves the manifest alone', async (t) => {
    const world = await createKilled(t);
    assert.equal((await world.run(['jobs', 'resume'])).code, 0);
    const manifest = (): Promise<string> => readFile(world.shell.at(MANIFEST), 'utf8');
    const before = await manifest();
    const again = await world.run(['jobs', 'resume']);
    assert.equal(again.code, 4, again.stderr);
    assert.match(again.stderr, /nothing to resume/);
    assert.doesNotMatch(again.stderr, /allow-empty/);
    const quiet = await world.run(['jobs', 'resume', '-q', '--json']);
    assert.equal(quiet.code, 4);
    assert.equal(quiet.stderr, '');
    assert.match(quiet.stdout, /"type":"run-finished".*"exitCode":4/);
    assert.equal(await manifest(), before);
  });

  test('jobs resume keeps the columns of the job list, and tells its options: --manifest m.json', async (t) => {
    const world = await createKillWorld();
    t.after(() => world.close());
    await world.write({ path: 'film.mp4' }, { media: 2 * MIB + 7 }, createDice(t.name));
    await world.shell.write('list.csv', 'path,ticket,classId\nfilm.mp4,T-1,3\n');
    await world.runUntil(['--jobs', 'list.csv', '--part-size', '1M'], (life) =>
      heldAt(world, life, { rule: 'UploadPart#3:hang', isDone: false }),
    );
    const resumed = await world.run(['jobs', 'resume', '--manifest', 'm.json', '--retries', '2']);
    assert.equal(resumed.code, 0, resumed.stderr);
    const { options, results } = await world.shell.manifest('m.json');
    assert.deepEqual([results[0]?.['ticket'], results[0]?.['given']], ['T-1', { classId: 3 }]);
    const { retries, vodHost, coverFailure } = options;
    assert.deepEqual([retries, vodHost, coverFailure], [2, 'vod.tencentcloudapi.com', 'fail']);
  });

  test('jobs gc without keys drops what has expired, tells so, and says that it cannot abort', async (t) => {
    const { shell } = await createKilled(t);
    await shell.write('film.mp4', 'other');
    const without = await shell.run(['jobs', 'gc'], { env: NO_KEYS });
    assert.equal(without.code, 2, without.stderr);
    assert.match(without.stderr, /no credentials/);
    assert.match(without.stdout, /"runs":1.*"abandoned":0/);
    assert.match((await shell.run(['jobs', 'gc'])).stdout, /"runs":0.*"abandoned":1/);
  });

  test('jobs list tells the size of a playlist with its segments and cover', async (t) => {
    const world = await createKillWorld();
    t.after(() => world.close());
    const title = { path: 'v/show.m3u8', cover: 'v/show.jpg', segments: ['v/1.ts', 'v/2.ts'] };
    await world.write(title, { media: 0, other: MIB }, createDice(t.name));
    await world.runUntil(['v/show.m3u8', '-c', '1'], (life) =>
      heldAt(world, life, { rule: 'PutObject:hang', isDone: false }),
    );
    assert.match((await world.shell.run(['jobs', 'list'])).stdout, /\t3\.00 MiB\tv\/show\.m3u8$/m);
    const told = JSON.parse((await world.shell.run(['jobs', 'list', '--json'])).stdout) as {
      size: number;
    };
    assert.ok(told.size > 3 * MIB && told.size < 3 * MIB + 200, String(told.size));
    const planned = await world.shell.run(['v/show.m3u8', '--dry-run']);
    assert.match(planned.stdout, /^resume {2}v\/show\.m3u8 \(up to 3\.00 MiB, /);
  });

  test('jobs list --json gives no command to a log, and tells the path as it is', async (t) => {
    const path = '##[error]\u2028##vso[x].mp4';
    const { shell } = await createKilled(t, { path });
    const listed = await shell.run(['jobs', 'list', '--json']);
    assert.doesNotMatch(listed.stdout, /##\[|##vso|\u2028/);
    assert.equal((JSON.parse(listed.stdout) as { path: string }).path, path);
  });
});

describe('--dry-run after a kill', { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  const FILM = ['film.mp4', '--part-size', '1M'];

  for (const [rule, left, totals] of [
    ['UploadPart#3:hang', 'up to 2.00 MiB', 'up to 2.00 MiB, 1 API calls, 5 COS requests'],
    ['CommitUpload:hang-after', 'nothing left to send', '0 B, 1 API calls, 0 COS requests'],
  ] as const) {
    test(`at ${rule} tells what is gone on with, as it was begun, and asks nobody`, async (t) => {
      const world = await createKilled(t, { rule });
      const asked = world.cloud.requests.length;
      const other = [...FILM, '--name', 'other', '--dry-run'];
      const planned = await world.shell.run(other);
      assert.equal(planned.code, 0, planned.stderr);
      assert.deepEqual(planned.stdout.split('\n').slice(0, 2), [
        `resume  film.mp4 (${left}, as film)`,
        `1 to upload (1 unfinished), 0 skipped, 0 failed: ${totals}`,
      ]);
      const told = await world.shell.run([...other, '--json']);
      assert.match(told.stdout, /"action":"resume","phase":"(sending|committing)"/);
      assert.match(told.stdout, /"jobs":1,"resumed":1,/);
      assert.equal(world.cloud.requests.length, asked);
      assert.equal((await world.run(FILM)).code, 0);
      assert.equal(world.cloud.sessions().length, 1);
    });
  }

  test('tells that --no-resume begins anew', async (t) => {
    const { shell } = await createKilled(t);
    const { stdout } = await shell.run([...FILM, '--dry-run', '--no-resume']);
    assert.match(stdout, /^upload {2}film\.mp4 \(2\.00 MiB, 3 parts, as film\)$/m);
  });
});
