/**
 * A process of its own that works on a journal, for the tests of the journal. It tells one fact a
 * line on stdout. argv: dir, runId, task, number.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { UploadFailure } from '../../src/core/errors.js';
import { openGate } from '../../src/journal/gate.js';
import { openJournal } from '../../src/journal/open-journal.js';
import { checkpointFor, jobFor, optionsFor, receiptFor } from './journal-world.js';

const [dir = '', runId = '', task = '', text = '0'] = process.argv.slice(2);
const number = Number(text);
const journal = await openJournal(optionsFor(dir, { runId }));

/** Synchronous, so that a fact told before a kill is a fact heard. */
function tell(fact: string): void {
  writeSync(1, `${fact}\n`);
}

/** Until the parent process says so. */
async function told(): Promise<void> {
  await once(process.stdin, 'data');
}

const tasks: Readonly<Record<string, () => Promise<void>>> = {
  async hold() {
    const { kind } = await journal.claim(jobFor(number));
    await journal.remember(jobFor(number).id, checkpointFor(number, 'sending'));
    tell(kind);
    await told();
  },

  async race() {
    tell('ready');
    await told();
    for (let job = 0; job < number; job += 1) {
      if ((await journal.claim(jobFor(job))).kind === 'ours') tell(`won ${job}`);
    }
    tell('done');
    await told();
  },

  async pass() {
    const lmdb = await import('lmdb');
    const gate = await openGate(lmdb, join(dir, 'journal.lmdb'));
    await told();
    gate.pass(() => {
      tell('inside');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, number);
    });
    await told();
  },

  async settle() {
    await Promise.all(
      [0, 1, 2, 3].map(async (lane) => {
        for (let job = number + lane * 1000; ; job += 1) await settleOne(job);
      }),
    );
  },

  async fill() {
    let settled = 0;
    const settleMore = async (count: number) => {
      const until = settled + count;
      for (; settled < until; settled += 1) await settleOne(settled);
    };
    await settleMore(Infinity).catch((error: unknown) => {
      tell(`failed ${error instanceof UploadFailure ? error.code : String(error)}`);
    });
    await settleMore(1).catch(() => tell('failed again'));
    await told();
    await settleMore(10);
    tell('going on');
    await told();
  },
};

async function settleOne(job: number): Promise<void> {
  const { id } = jobFor(job);
  await journal.claim(jobFor(job));
  await journal.remember(id, checkpointFor(job, 'sending'));
  tell(`sending ${job}`);
  await journal.remember(id, checkpointFor(job, 'committing'));
  tell(`committing ${job}`);
  if (job % 3 === 0) return;
  await journal.settle(jobFor(job), receiptFor(job));
  tell(`settled ${job}`);
}

await tasks[task]?.();
await journal.close();
process.exit(0);
