import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, test } from 'node:test';
import { openJournal, openLedger } from '../../src/journal/journal.js';
import { JournalWorld, isUnwritable, optionsFor } from './journal-world.js';

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
    await assert.rejects(openLedger(world.dir, ''), isTold);
  });
}

test('of a database that is empty yet nothing is known', async () => {
  await writeFile(join(world.dir, 'journal.lmdb'), '');
  await writeFile(join(world.dir, 'journal.lmdb-lock'), '');
  assert.equal(await openLedger(world.dir, ''), undefined);
});

test('a process with few descriptors left says that it cannot open the journal', async () => {
  await world.end(await world.begin());
  const script = `
    import { closeSync, openSync } from 'node:fs';
    const { openLedger } = await import(${JSON.stringify(importable('journal'))});
    const { openStore } = await import(${JSON.stringify(importable('store'))});
    const dir = ${JSON.stringify(world.dir)};
    const told = async (open) => {
      try {
        await (await open()).close();
        return 'opened';
      } catch ({ code }) {
        return code;
      }
    };
    const openBoth = async () => [
      await told(() => openStore(dir + '/journal.lmdb')),
      await told(() => openLedger(dir, '')),
    ];
    await openBoth();
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
    for (let left = 0; left <= 3; left += 1) {
      console.log(left, ...(await openBoth()));
      closeSync(taken.pop());
    }`;
  const command = 'ulimit -n 64; exec "$0" --input-type=module -e "$1"';
  const told = execFileSync('sh', ['-c', command, process.execPath, script], { encoding: 'utf8' });
  assert.deepEqual(told.trimEnd().split('\n'), [
    '0 journal-unwritable journal-unwritable',
    '1 journal-unwritable journal-unwritable',
    '2 journal-unwritable opened',
    '3 opened opened',
  ]);
});

const importable = (name: string): string =>
  new URL(`../../src/journal/${name}.js`, import.meta.url).href;
