import { strict as assert } from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import process from 'node:process';
import { DamagedRecord, formatRecord, parseRecord, textOf } from '../../src/journal/fields.js';
import { LEASE_MS, formatLease, isLive, leaseOf, parseLease } from '../../src/journal/leases.js';
import type { Lease } from '../../src/journal/leases.js';
import { changedOptions, keptOptions, toldOptions } from '../../src/journal/kept-options.js';
import { formatCheckpoint, parseCheckpoint } from '../../src/journal/checkpoint-record.js';
import { formatJob, parseJob } from '../../src/journal/job-record.js';
import { formatLedger, parseLedger } from '../../src/journal/ledger-record.js';
import { haveSameFiles } from '../../src/journal/unfinished.js';
import { unwritable } from '../../src/journal/unwritable.js';
import { importable, runWithFewDescriptors } from '../helpers/few-descriptors.js';
import { checkpointFor, jobFor, receiptFor, secretsOf } from '../integration/journal-world.js';

const NOW = new Date('2030-01-02T03:04:05.678Z');
const own = leaseOf({ runId: 'own', host: 'here', pid: process.pid }, NOW);
const lacksProc = own.startedTicks === undefined && 'nothing tells when a process began';

/** A process that tells its own lease and ends with its input. */
const TELL_LEASE = `
  const { formatLease, leaseOf } = await import(${importable('src/journal/leases')});
  const run = { runId: 'other', host: 'here', pid: process.pid };
  console.log(formatLease(leaseOf(run, new Date(${NOW.getTime()}))));
  process.stdin.resume();`;

test('a job keeps every digit of its times and numbers through the database', () => {
  const { media } = jobFor(2);
  const job = { ...jobFor(1), cover: media, segments: [{ ...media, relativeKey: 'a/b.ts' }] };
  assert.deepEqual(parseJob(formatJob(job)), job);
});

test('what a job list says of a job is kept with it', () => {
  const job = {
    ...jobFor(1),
    extra: { ticket: 'T-1', tags: [{ x: null }], given: { classId: 3 } },
  };
  assert.deepEqual(parseJob(formatJob(job)), job);
});

test('a checkpoint record holds everything but the secrets', () => {
  const { session, objects, phase } = checkpointFor(1, 'assembled');
  const secrets = { file: 'run', at: 4096, length: 500, tag: 'run-1' };
  const progress = { objects, phase, updatedAt: NOW, clockOffsetMs: -7_200_000 };
  const text = formatCheckpoint(session, secrets, progress);
  for (const secret of secretsOf(1)) assert.ok(!text.includes(secret));
  const record = parseCheckpoint(text);
  assert.ok(record !== undefined);
  const { sessionKey, credentials } = session;
  assert.deepEqual(
    { ...record, session: { ...record.session, sessionKey, credentials } },
    { secrets, session, ...progress },
  );
});

test('a ledger entry gives the receipt back as it was', () => {
  const record = {
    receipt: receiptFor(1),
    files: { cover: { size: 7, mtimeNs: '5' }, segments: 'digest' },
    options: { procedure: 'x' },
    seenAt: NOW,
  };
  assert.deepEqual(parseLedger(formatLedger(record)), record);
});

test('of what the manifest tells an entry keeps the text', () => {
  const told = { mediaType: 'mp4', mediaName: 'short', procedure: 'a procedure of many words' };
  assert.deepEqual(toldOptions(keptOptions({ ...told, extInfo: 'x'.repeat(20) })), told);
});

const at = (expireTime: string) => ({ expireTime, isExpiryRelative: false });
const after = (expireTime: string) => ({ expireTime, isExpiryRelative: true });
const MIDNIGHT = at('2031-01-01T00:00:00Z');

for (const [what, before, now, isChange] of [
  ['the same time in another zone', MIDNIGHT, at('2031-01-01T08:00:00+08:00'), false],
  ['another time', MIDNIGHT, at('2032-01-01T00:00:00Z'), true],
  ['none any more', MIDNIGHT, {}, true],
  ['one where there was none', {}, MIDNIGHT, true],
  ['none as before', {}, {}, false],
  ['a duration as before', after('2031-01-01T00:00:00Z'), after('2031-01-02T00:00:00Z'), false],
  ['a duration instead of a time', MIDNIGHT, after(MIDNIGHT.expireTime), true],
] as const) {
  test(`an expiry is compared: ${what} is ${isChange ? 'a' : 'no'} change`, () => {
    const bare = { mediaType: 'mp4', mediaName: 'a' };
    const kept = keptOptions({ ...bare, ...before });
    const changed = changedOptions(kept, keptOptions({ ...bare, ...now }));
    assert.deepEqual(changed, isChange ? ['expireTime'] : []);
  });
}

test('a record of a later version with more fields, and one of an earlier without a checksum, are read', () => {
  const text = formatJob(jobFor(1));
  const later = { ...JSON.parse(text.slice(text.indexOf('{'))), more: [1] };
  assert.deepEqual(parseJob(JSON.stringify(later)), jobFor(1));
  assert.deepEqual(parseJob(formatRecord(later)), jobFor(1));
  assert.throws(() => parseJob(formatRecord({ ...later, v: 2 })), DamagedRecord);
});

test('a damaged record is not taken for none', () => {
  for (const text of ['', 'null', '[]', '{', '{"v":1}', '{"v":1,"id":7}']) {
    for (const parse of [parseJob, parseCheckpoint, parseLedger]) {
      assert.throws(() => parse(text), DamagedRecord, text);
    }
    assert.throws(() => parseRecord(text, (fields) => textOf(fields, 'id')), DamagedRecord, text);
  }
});

test('one bit tells that a record is damaged, wherever it is', () => {
  const whole = Buffer.from(formatJob(jobFor(1)));
  for (let at = 0; at < whole.length * 8; at++) {
    const bytes = Buffer.from(whole);
    bytes[at >> 3] = whole[at >> 3]! ^ (1 << (at & 7));
    assert.throws(() => parseJob(bytes.toString()), DamagedRecord, `bit ${at}`);
  }
});

test('two jobs have the same files if sizes, times and places agree, whatever they are called', () => {
  const job = jobFor(1);
  const renamed = { ...job, media: { ...job.media, path: 'x', realPath: '/x', inode: 1n } };
  assert.ok(haveSameFiles(job, renamed));
  assert.ok(!haveSameFiles(job, { ...job, cover: job.media }));
  assert.ok(!haveSameFiles(job, { ...job, media: { ...job.media, mtimeNs: 1n } }));
});

test('a lease is live as long as its own process is', { skip: lacksProc }, async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', TELL_LEASE]);
  const [told] = (await once(child.stdout, 'data')) as [Buffer];
  const lease = parseLease(told.toString().trimEnd());
  assert.ok(lease?.startedTicks !== undefined);
  const later = new Date(NOW.getTime() + 2 * LEASE_MS);
  assert.ok(isLive(lease, own, later));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(!isLive(lease, own, NOW));
});

test('a run that has too many open files takes no other for dead', { skip: lacksProc }, () => {
  const told = runWithFewDescriptors(`
    const { isLive, leaseOf } = await import(${importable('src/journal/leases')});
    const now = new Date();
    const own = leaseOf({ runId: 'own', host: 'here', pid: process.pid }, now);
    takeAll();
    console.log(isLive({ ...own, runId: 'other' }, own, now));`);
  assert.deepEqual(told, ['true']);
});

/** Whether namespaces can be made here. */
const canUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;

test(
  'with a /proc of another namespace no process is looked at',
  { skip: canUnshare ? lacksProc : 'needs the right to make namespaces' },
  () => {
    const args = ['--pid', '--fork', process.execPath, '--input-type=module', '-e', TELL_LEASE];
    const { stdout } = spawnSync('unshare', args, { encoding: 'utf8', input: '' });
    const within = parseLease(stdout.trimEnd());
    assert.ok(within !== undefined && within.pidNamespace !== own.pidNamespace);
    assert.equal(within.startedTicks, undefined);
    assertAgeDecides({ ...within, runId: 'other' }, within);
    assertAgeDecides({ ...within, startedTicks: '1' }, within);
  },
);

test('a process number that was given away again keeps no lease', { skip: lacksProc }, () => {
  assert.ok(!isLive({ ...own, runId: 'other', startedTicks: '1' }, own, NOW));
});

test('before the last boot nothing is live', { skip: lacksProc }, () => {
  assert.ok(!isLive({ ...own, runId: 'other', bootId: 'another' }, own, NOW));
});

test('where the process cannot be looked at, the age of the lease decides', () => {
  const { runId, host, pid, renewedAt } = own;
  const bare = { runId, host, pid, renewedAt };
  const inAContainer = { ...own, runId: 'other', pidNamespace: 'pid:[1]', pid: 1 };
  const withOtherClocks = { ...own, runId: 'other', timeNamespace: 'time:[1]' };
  for (const lease of [{ ...own, host: 'elsewhere' }, bare, inAContainer, withOtherClocks]) {
    assertAgeDecides(lease, own);
  }
});

function assertAgeDecides(lease: Lease, seenFrom: Lease): void {
  assert.ok(isLive(lease, seenFrom, new Date(NOW.getTime() + LEASE_MS - 1)));
  assert.ok(!isLive(lease, seenFrom, new Date(NOW.getTime() + LEASE_MS)));
}

test('a lease comes back from the database as it was', () => {
  assert.deepEqual(parseLease(formatLease(own)), own);
});

test('a failure tells the file and the reason in the words of the system', () => {
  const cases = [
    ["EACCES: permission denied, open '/s/x'", 'permission denied'],
    [
      'No space left on device: Attempting to write page at position 4096',
      'no space left on device',
    ],
    // What lmdb makes of the first write that did not fit.
    [
      'Input/output error: Attempting to write page at position 4096',
      'input/output error, or no space left on device',
    ],
  ] as const;
  for (const [message, reason] of cases) {
    const failure = unwritable('/s', new Error(message));
    assert.equal(failure.message, `cannot write the journal /s: ${reason}`);
  }
});
