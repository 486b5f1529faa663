import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { openJournal } from '../../src/journal/open-journal.js';
import { openStore } from '../../src/journal/store.js';
import {
  JournalWorld,
  checkpointFor,
  isUnwritable,
  jobFor,
  optionsFor,
  receiptFor,
  secretsOf,
} from './journal-world.js';

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
  await world.leaveUnfinished(jobFor(1), { ...checkpoint, session });
  const claim = await world.claimAnew(1);
  assert.deepEqual(claim.kind === 'ours' && claim.checkpoint?.session, session);
});

test('everything is open to its owner only, also where it was not', async () => {
  await world.leaveUnfinished(jobFor(1), checkpointFor(1, 'sending'));
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
  await world.leaveUnfinished(jobFor(1), checkpointFor(1, 'committing'));
  const [path = ''] = (await world.files()).filter((file) => file.includes('/sessions/'));
  await rename(path, `${path}-away`);
  await mkdir(path);
  const journal = await world.begin();
  await assert.rejects(journal.claim(jobFor(1)), (error) => {
    assert.ok(error instanceof UploadFailure);
    assert.equal(error.code, 'journal-unreadable');
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
