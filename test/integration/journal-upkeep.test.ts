import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { openJournal } from '../../src/journal/journal.js';
import { openStore } from '../../src/journal/store.js';
import {
  JournalWorld,
  all,
  checkpointFor,
  isUnwritable,
  jobFor,
  optionsFor,
  receiptFor,
  secretsOf,
} from './journal-world.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

test('secrets are in no file of the journal but their own, and in none once the job is settled', async () => {
  const journal = await world.begin();
  for (const [number, phase] of [
    [1, 'sending'],
    [2, 'assembled'],
    [3, 'committing'],
  ] as const) {
    await journal.claim(jobFor(number));
    await journal.remember(jobFor(number).id, checkpointFor(number, phase));
  }
  const others = (await world.files()).filter((path) => !path.includes('/sessions/'));
  for (const path of others) {
    const bytes = await readFile(path);
    for (const secret of [1, 2, 3].flatMap(secretsOf)) assert.ok(!bytes.includes(secret), path);
  }
  assert.ok(await world.hasSecretsOf(1));
  await journal.settle(jobFor(1), receiptFor(1));
  await journal.forget(jobFor(2).id);
  assert.deepEqual([await world.hasSecretsOf(1), await world.hasSecretsOf(2)], [false, false]);
  assert.ok(await world.hasSecretsOf(3));
});

test('a job that another run ends leaves the live run that began it its file', async () => {
  const [first, other] = [await world.begin(), await world.begin()];
  for (const end of [
    () => other.forget(jobFor(1).id),
    () => other.remember(jobFor(1).id, checkpointFor(2, 'sending')),
    () => other.settle(jobFor(1), receiptFor(1)),
  ]) {
    await first.claim(jobFor(1));
    await first.remember(jobFor(1).id, checkpointFor(1, 'sending'));
    await first.release(jobFor(1).id);
    assert.equal((await other.claim(jobFor(1))).kind, 'ours');
    await end();
    await other.release(jobFor(1).id);
    assert.equal(await world.hasSecretsOf(1), false);
    await first.claim(jobFor(3));
    await first.remember(jobFor(3).id, checkpointFor(3, 'sending'));
    await first.forget(jobFor(3).id);
    await first.release(jobFor(3).id);
  }
});

test('a session that was granted no certificate comes back without one', async () => {
  const checkpoint = checkpointFor(1, 'sending');
  const { credentials, ...session } = checkpoint.session;
  assert.ok(credentials !== undefined);
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.remember(jobFor(1).id, { ...checkpoint, session });
  await world.end(journal);
  const claim = await world.claimAnew(1);
  assert.deepEqual(claim.kind === 'ours' && claim.checkpoint?.session, session);
});

test('everything is open to its owner only, also where it was not', async () => {
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  await world.end(journal);
  await chmod(world.dir, 0o755);
  await chmod(join(world.dir, 'journal.lmdb'), 0o644);
  await world.end(await world.begin());
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  assert.deepEqual(
    [await modeOf(world.dir), await modeOf(join(world.dir, 'sessions'))],
    ['700', '700'],
  );
  for (const path of await world.files()) assert.equal(await modeOf(path), '600', path);
});

test('a directory with other things in it keeps its mode', async () => {
  await writeFile(join(world.dir, 'somebody-elses'), '');
  await chmod(world.dir, 0o755);
  await world.begin();
  assert.equal((await stat(world.dir)).mode & 0o777, 0o755);
});

test('what has expired is dropped by the next run that the service has answered, secrets first', async () => {
  const journal = await world.begin();
  for (const [number, phase] of [
    [1, 'sending'],
    [2, 'assembled'],
  ] as const) {
    await journal.claim(jobFor(number));
    await journal.remember(jobFor(number).id, checkpointFor(number, phase));
  }
  await world.end(journal);
  await writeFile(join(world.dir, 'sessions', `${jobFor(3).id}.dead-run.tmp`), secretsOf(3).join());
  const leftAfter = async (ms: number, isAnswered = true) => {
    const later = await world.begin({ now: () => new Date(Date.now() + ms) });
    if (isAnswered) {
      await later.claim(jobFor(4));
      await later.settle(jobFor(4), receiptFor(4));
    }
    await world.end(later);
    const after = await world.begin();
    const listed = (await all(after.list())).length;
    await world.end(after);
    return [
      listed,
      await world.hasSecretsOf(1),
      await world.hasSecretsOf(2),
      await world.hasSecretsOf(3),
    ];
  };
  // Nothing has told whether that clock is right.
  assert.deepEqual(await leftAfter(32 * DAY_MS, false), [2, true, true, true]);
  assert.deepEqual(await leftAfter(0), [2, true, true, false]);
  assert.deepEqual(await leftAfter(2 * HOUR_MS), [2, false, true, false]);
  assert.deepEqual(await leftAfter(2 * DAY_MS), [1, false, true, false]);
  assert.deepEqual(await leftAfter(32 * DAY_MS), [0, false, false, false]);
});

/** The time that a run goes by, in ms from the true one, and how much it knows its own clock to be off. */
const runAt = (nowMs: number, offsetMs = 0) => ({
  now: () => new Date(Date.now() + nowMs),
  clockOffsetMs: () => offsetMs,
});

type RunClock = ReturnType<typeof runAt>;

/** The local clock, the run that writes a session good for an hour, the next, whether that goes on. */
const clocks: readonly (readonly [string, RunClock, RunClock, boolean])[] = [
  ['was two hours ahead and is still', runAt(0, -2 * HOUR_MS), runAt(2 * HOUR_MS), true],
  ['was two hours ahead, and the hour is over', runAt(0, -2 * HOUR_MS), runAt(4 * HOUR_MS), false],
  ['was two hours ahead and was set right', runAt(0, -2 * HOUR_MS), runAt(0), true],
  ['was two hours behind and is still', runAt(0, 2 * HOUR_MS), runAt(-2 * HOUR_MS), true],
  ['was two hours behind and was set right', runAt(0, 2 * HOUR_MS), runAt(0), true],
  [
    'is known to be ahead, and the hour is over',
    runAt(0, -2 * HOUR_MS),
    runAt(2 * HOUR_MS, -2 * HOUR_MS),
    false,
  ],
  ['was right, and the hour is over', runAt(0), runAt(2 * HOUR_MS), false],
];
for (const [clock, before, after, isUsable] of clocks) {
  test(`a session ${isUsable ? 'goes on' : 'is over'} where the local clock ${clock}`, async () => {
    const journal = await world.begin(before);
    await journal.claim(jobFor(1));
    await journal.remember(jobFor(1).id, checkpointFor(1, 'sending'));
    await world.end(journal);
    const claim = await world.claimAnew(1, after);
    assert.equal(claim.kind === 'ours' && claim.checkpoint !== undefined, isUsable);
    assert.ok(await world.hasSecretsOf(1));
  });
}

test('a ledger entry is dropped two years after a run last asked for it', async () => {
  let now = Date.now();
  const settle = await world.begin({ now: () => new Date(now) });
  for (const number of [1, 2]) {
    await settle.claim(jobFor(number));
    await settle.settle(jobFor(number), receiptFor(number));
  }
  await world.end(settle);
  now += 400 * DAY_MS;
  assert.equal((await world.claimAnew(1, { now: () => new Date(now) })).kind, 'uploaded');
  now += 400 * DAY_MS;
  const journal = await world.begin({ now: () => new Date(now) });
  assert.equal((await journal.gc()).ledgerEntries, 1);
  assert.equal((await journal.claim(jobFor(1))).kind, 'uploaded');
  assert.equal((await journal.claim(jobFor(2))).kind, 'ours');
  const copy = { ...jobFor(3), crc64: receiptFor(2).crc64 as string };
  assert.equal((await journal.claim(copy)).kind, 'ours');
});

test('a state directory that cannot be made is named before anything else happens', async () => {
  await writeFile(join(world.dir, 'file'), '');
  const options = optionsFor(join(world.dir, 'file', 'state'));
  await assert.rejects(openJournal(options), isUnwritable(join(world.dir, 'file', 'state')));
});

test('a damaged database is named, and does not end the process', async () => {
  const journal = await world.begin();
  for (let number = 0; number < 50; number += 1) {
    await journal.claim(jobFor(number));
    await journal.settle(jobFor(number), receiptFor(number));
  }
  await world.end(journal);
  const path = join(world.dir, 'journal.lmdb');
  const whole = await readFile(path);
  const damaged = {
    garbage: Buffer.alloc(100_000, 0x5a),
    zeros: Buffer.alloc(100_000),
    short: whole.subarray(0, 5000),
    'without meta pages': Buffer.concat([Buffer.alloc(8192, 0xff), whole.subarray(8192)]),
    truncated: whole.subarray(0, 4096 * 4),
  };
  for (const bytes of Object.values(damaged)) {
    await writeFile(path, bytes);
    await assert.rejects(openJournal(optionsFor(world.dir)), isUnwritable(path));
  }
  await writeFile(path, whole);
  assert.equal((await world.claimAnew(1)).kind, 'uploaded');
});

test('a directory in the place of the database is named', async () => {
  await mkdir(join(world.dir, 'journal.lmdb'));
  await assert.rejects(
    openJournal(optionsFor(world.dir)),
    isUnwritable(join(world.dir, 'journal.lmdb')),
  );
});

test('secrets that are there and cannot be read are named, and their job is not begun anew', async () => {
  const first = await world.begin();
  await first.claim(jobFor(1));
  await first.remember(jobFor(1).id, checkpointFor(1, 'committing'));
  await world.end(first);
  const [path = ''] = (await world.files()).filter((file) => file.includes('/sessions/'));
  await rename(path, `${path}-away`);
  await mkdir(path);
  const journal = await world.begin();
  await assert.rejects(journal.claim(jobFor(1)), (error) => {
    assert.ok(error instanceof UploadFailure);
    assert.equal(error.code, 'journal-unwritable');
    assert.ok(error.message.includes(`cannot read the journal ${path}: `), error.message);
    return true;
  });
  await world.end(journal);
  await rmdir(path);
  await rename(`${path}-away`, path);
  const claim = await world.claimAnew(1);
  assert.ok(claim.kind === 'ours' && claim.checkpoint?.phase === 'committing');
});

test('a transaction that the database fails is made again, whole, in a fresh environment', async () => {
  const store = await openStore(join(world.dir, 'journal.lmdb'));
  await store.transact(({ jobs }) => jobs.put('before', 'kept'));
  let failures = 1;
  const found = await store.transact(({ jobs }) => {
    jobs.put('one', '1');
    if (failures-- > 0) throw Object.assign(new Error('lost'), { code: 'MDB_NOTFOUND' });
    return [jobs.get('before'), jobs.get('one')];
  });
  assert.deepEqual(found, ['kept', '1']);
  failures = 2;
  const failing = store.transact(({ jobs }) => {
    jobs.put('two', '2');
    if (failures-- > 0) throw Object.assign(new Error('lost'), { code: 'MDB_NOTFOUND' });
  });
  await assert.rejects(failing, isUnwritable('journal.lmdb'));
  assert.equal(await store.transact(({ jobs }) => jobs.get('two')), undefined);
  await store.close();
});

test(
  'a journal of 100 MB is never all in memory',
  { skip: process.platform !== 'linux' && 'only Linux tells what of a process is files' },
  async () => {
    const store = await openStore(join(world.dir, 'journal.lmdb'));
    const before = await fileMemoryMb();
    const key = (number: number): string => createHash('sha256').update(`${number}`).digest('hex');
    const value = 'x'.repeat(1000);
    for (let from = 0; from < 80_000; from += 4000) {
      await store.transact(({ ledger }) => {
        for (let number = from; number < from + 4000; number++) ledger.put(key(number), value);
      });
    }
    let most = 0;
    for (let from = 0; from < 20_000; from += 500) {
      const some = Array.from({ length: 500 }, (_, index) => key(4 * (from + index)));
      const found = await Promise.all(
        some.map((id) => store.transact(({ ledger }) => ledger.get(id))),
      );
      assert.ok(found.every((text) => text === value));
      most = Math.max(most, await fileMemoryMb());
    }
    await store.close();
    assert.ok(most - before < 70, `${most} MB, ${before} MB before`);
  },
);

/** What counts as memory of this process and lies in files. */
async function fileMemoryMb(): Promise<number> {
  const status = await readFile('/proc/self/status', 'latin1');
  return Number(/RssFile:\s+(\d+)/.exec(status)?.[1]) / 1000;
}
