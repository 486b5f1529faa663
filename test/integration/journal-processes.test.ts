import { strict as assert } from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openJournal, openJournalView } from '../../src/journal/open-journal.js';
import { all, jobFor, optionsFor, receiptFor, secretsOf } from './journal-world.js';

const CHILD = fileURLToPath(new URL('./journal-child.js', import.meta.url));

let dir: string;
let children: ChildProcess[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vod-journal-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) await end(child);
  await rm(dir, { recursive: true });
});

/** A child process, the facts it has told so far, and a way to wait for the next ones. */
function start(runId: string, task: string, number: number, limit?: string) {
  const args = [CHILD, dir, runId, task, String(number)];
  const child =
    limit === undefined
      ? spawn(process.execPath, args)
      : spawn('sh', ['-c', `${limit}; exec "$0" "$@"`, process.execPath, ...args]);
  children.push(child);
  const facts: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => facts.push(line));
  let errors = '';
  child.stderr.on('data', (bytes) => (errors += String(bytes)));
  const waitFor = (isEnough: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => isEnough() && resolve();
      look();
      lines.on('line', look);
      lines.once('close', () => reject(new Error(`the child ended: ${errors}`)));
    });
  return { child, facts, waitFor, go: () => child.stdin.write('go\n') };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

test('while one run opens, writes or closes the journal, no other does any of it', async () => {
  const HELD_MS = 600;
  const journal = await openJournal(optionsFor(dir));
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    opens: () => openJournal(optionsFor(dir)),
    looks: () => openJournalView(optionsFor(dir)),
    writes: () => journal.claim(jobFor(1)),
    closes: () => journal.close(),
  };
  for (const [name, work] of Object.entries(works)) {
    const { facts, waitFor, go } = start(name, 'pass', HELD_MS);
    go();
    await waitFor(() => facts.includes('inside'));
    const since = performance.now();
    await work();
    const tookMs = performance.now() - since;
    assert.ok(tookMs > HELD_MS / 2, `${name} after ${tookMs} ms`);
  }
});

test('two runs that go through the same files take each file once', async () => {
  const racers = [start('one', 'race', 150), start('other', 'race', 150)];
  for (const { facts, waitFor } of racers) await waitFor(() => facts.includes('ready'));
  for (const { go } of racers) go();
  for (const { facts, waitFor } of racers) await waitFor(() => facts.includes('done'));
  const won = racers.flatMap(({ facts }) => facts.filter((fact) => fact.startsWith('won')));
  assert.equal(won.length, 150);
  assert.equal(new Set(won).size, 150);
  for (const { go } of racers) go();
});

test('the claim of a run that was killed is free at once', async () => {
  const { child, facts, waitFor } = start('killed', 'hold', 1);
  await waitFor(() => facts.includes('ours'));
  const journal = await openJournal(optionsFor(dir));
  assert.equal((await journal.claim(jobFor(1))).kind, 'held');
  const [listed] = await all(journal.list());
  assert.equal(listed?.holder?.pid, child.pid);
  await end(child);
  assert.equal((await journal.claim(jobFor(1))).kind, 'ours');
  await journal.close();
});

test('what was acknowledged outlives kill -9 at any moment, and no settled secret does', async () => {
  for (const [round, acknowledged] of [7, 20, 41, 90].entries()) {
    const { child, facts, waitFor } = start(`round-${round}`, 'settle', round * 10_000);
    await waitFor(() => facts.length >= acknowledged);
    await end(child);
    await assertKept(facts);
  }
});

/** Every fact holds in the journal as it is now, or was overtaken by a later step of the same job. */
async function assertKept(facts: readonly string[]): Promise<void> {
  const last = new Map<number, string>();
  for (const fact of facts) {
    const [step = '', number = ''] = fact.split(' ');
    last.set(Number(number), step);
  }
  assert.ok(last.size > 0);
  const steps = ['sending', 'committing', 'settled'];
  const journal = await openJournal(optionsFor(dir));
  const secretsLeft = await readSessions();
  for (const [number, step] of last) {
    const claim = await journal.claim(jobFor(number));
    const found = claim.kind === 'ours' ? (claim.checkpoint?.phase ?? 'nothing') : 'settled';
    assert.ok(steps.indexOf(found) >= steps.indexOf(step), `${number}: ${step}, found ${found}`);
    if (claim.kind === 'uploaded') assert.deepEqual(claim.receipt, receiptFor(number));
    if (step !== 'settled') continue;
    for (const secret of secretsOf(number)) assert.ok(!secretsLeft.includes(secret));
  }
  await journal.close();
}

async function readSessions(): Promise<string> {
  const sessions = join(dir, 'sessions');
  const contents = (await readdir(sessions)).map((name) => readFile(join(sessions, name), 'utf8'));
  return (await Promise.all(contents)).join('\n');
}

const hasLimits = spawnSync('prlimit', ['--version']).status === 0;

test(
  'a full disk fails the write, loses nothing, and the run goes on when there is space again',
  { skip: hasLimits ? false : 'needs prlimit' },
  async () => {
    // A limit on the size of files stands for the disk: 600 blocks of 512 bytes.
    const { child, facts, waitFor, go } = start('full', 'fill', 0, 'ulimit -S -f 600');
    await waitFor(() => facts.includes('failed again'));
    assert.ok(facts.includes('failed journal-unwritable'), facts.join());
    spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
    go();
    await waitFor(() => facts.includes('going on'));
    await end(child);
    await assertKept(facts.filter((fact) => !/failed|going/.test(fact)));
  },
);
