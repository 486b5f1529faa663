import { strict as assert } from 'node:assert';
import { mkdir, open, rm, symlink, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openJournal, openJournalView } from '../../src/journal/open-journal.js';
import { openDatabase } from '../../src/journal/open-database.js';
import { importable, runWithFewDescriptors } from '../helpers/few-descriptors.js';
import { JournalWorld, checkpointFor, isUnwritable, jobFor, optionsFor } from './journal-world.js';

let world: JournalWorld;

beforeEach(async () => {
  world = await JournalWorld.create();
});

afterEach(() => world.remove());

for (const name of ['journal.lmdb', 'journal.lmdb-lock']) {
  test(`a directory in the place of ${name} is told, whether the journal is to be written or read`, async () => {
    await world.end(await world.begin());
    await rm(join(world.dir, name));
    await mkdir(join(world.dir, name));
    const isTold = isUnwritable(join(world.dir, 'journal.lmdb'));
    await assert.rejects(openJournal(optionsFor(world.dir)), isTold);
    await assert.rejects(openJournalView(optionsFor(world.dir)), isTold);
  });
}

test('whether there is a journal must be found out, or what was uploaded before would be planned', async () => {
  assert.equal(await openJournalView(optionsFor(join(world.dir, 'none'))), undefined);
  await symlink('loop', join(world.dir, 'loop'));
  await assert.rejects(openJournalView(optionsFor(join(world.dir, 'loop'))), {
    code: 'journal-unwritable',
    message: /^cannot read the journal .*: too many symbolic links/,
  });
});

test('of a database that is empty yet nothing is known', async () => {
  await writeFile(join(world.dir, 'journal.lmdb'), '');
  await writeFile(join(world.dir, 'journal.lmdb-lock'), '');
  assert.equal(await openJournalView(optionsFor(world.dir)), undefined);
});

test('of a database that has no tables yet nothing is known', async () => {
  const file = join(world.dir, 'journal.lmdb');
  const lmdb = await import('lmdb');
  const root = openDatabase(lmdb, file, { readOnly: false });
  await root.put('anything', 'but tables');
  await root.close();
  const view = await openJournalView(optionsFor(world.dir));
  assert.deepEqual(await view?.foresee(jobFor(1)), { kind: 'new' });
  await view?.close();
});

test('a process with few descriptors left says that it cannot open the journal', async () => {
  await world.end(await world.begin());
  const told = runWithFewDescriptors(`
    const { openJournalView } = await import(${importable('src/journal/open-journal')});
    const { openStore } = await import(${importable('src/journal/store')});
    const { optionsFor } = await import(${importable('test/integration/journal-world')});
    const dir = ${JSON.stringify(world.dir)};
    const openBoth = async () => [
      await outcome(async () => (await openStore(dir + '/journal.lmdb')).close()),
      await outcome(async () => (await openJournalView(optionsFor(dir))).close()),
    ];
    await openBoth();
    takeAll();
    for (let left = 0; left <= 3; left += 1) {
      console.log(left, ...(await openBoth()));
      giveBack(1);
    }`);
  assert.deepEqual(told, [
    '0 journal-unwritable too-many-open-files',
    '1 journal-unwritable too-many-open-files',
    '2 journal-unwritable done',
    '3 done done',
  ]);
});

test('where too many files are open the session of one job cannot be kept or read, and later can', async () => {
  const told = runWithFewDescriptors(`
    const { checkpointFor, jobFor, optionsFor } =
      await import(${importable('test/integration/journal-world')});
    const { openJournal } = await import(${importable('src/journal/open-journal')});
    const job = { ...jobFor(1), crc64: '1' };
    const begin = () => openJournal(optionsFor(${JSON.stringify(world.dir)}));
    const tell = async (work) => {
      takeAll();
      console.log(await outcome(work));
      giveBack();
    };
    const first = await begin();
    const keep = () => first.remember(job.id, checkpointFor(1, 'committing'));
    await first.claim(job);
    await tell(keep);
    await keep();
    await first.close();
    const next = await begin();
    const claim = () => next.claim(job);
    await tell(() => next.gc());
    await tell(claim);
    await next.release(job.id);
    const { kind, checkpoint } = await claim();
    console.log(kind, checkpoint.phase);
    await next.close();`);
  const failed = 'too-many-open-files';
  assert.deepEqual(told, [failed, failed, failed, 'ours committing']);
});

test('a session is kept also where the file system cannot sync a directory', async (t) => {
  const directory = await open(world.dir);
  t.mock.method(Object.getPrototypeOf(directory) as FileHandle, 'sync', async () => {
    throw Object.assign(new Error('EINVAL: invalid argument, fsync'), { code: 'EINVAL' });
  });
  await directory.close();
  const journal = await world.begin();
  await journal.claim(jobFor(1));
  await journal.remember(jobFor(1).id, checkpointFor(1, 'sending'));
  assert.ok(await world.hasSecretsOf(1));
});
