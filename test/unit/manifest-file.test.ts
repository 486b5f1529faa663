import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ManifestError, createManifest } from '../../src/manifest/manifest.js';
import type { Manifest, ManifestOptions } from '../../src/manifest/manifest.js';
import { toRecord } from '../../src/manifest/record.js';
import type { ManifestRecord } from '../../src/manifest/record.js';
import { everyOutcome, failed, uploaded } from '../helpers/outcomes.js';
import { asNobody, NOBODY } from '../helpers/plan-world.js';

const DEAD_PID = 4_000_000;
const tail = {
  finishedAt: new Date('2024-01-01T00:00:01.000Z'),
  durationMs: 1000,
  exitCode: 0,
  summary: {
    total: 1,
    uploaded: 1,
    skipped: 0,
    failed: 0,
    interrupted: 0,
    unknown: 0,
    bytes: 1,
    bytesSent: 1,
  },
};

let directory: string;
beforeEach(async () => {
  directory = await fs.mkdtemp(join(tmpdir(), 'manifest-'));
});
afterEach(async () => {
  await fs.rm(directory, { recursive: true });
});

function begin(name: string, more: Partial<ManifestOptions> = {}): Promise<Manifest> {
  return createManifest({
    path: join(directory, name),
    tool: { name: 'vod-upload', version: '1.0.0' },
    runId: 'run-1',
    startedAt: new Date('2024-01-01T00:00:00.000Z'),
    options: { concurrency: 4 },
    processes: { pid: process.pid, isAlive: (pid) => pid !== DEAD_PID },
    ...more,
  });
}

async function write(name: string, outcomes = everyOutcome()): Promise<string> {
  const manifest = await begin(name);
  for (const outcome of outcomes) await manifest.record(outcome);
  await manifest.finish(tail);
  return fs.readFile(join(directory, name), 'utf8');
}

describe('the manifest', () => {
  it('is the documented JSON document', async () => {
    assert.deepEqual(JSON.parse(await write('m.json')), {
      schema: 1,
      tool: { name: 'vod-upload', version: '1.0.0' },
      runId: 'run-1',
      startedAt: '2024-01-01T00:00:00.000Z',
      options: { concurrency: 4 },
      results: everyOutcome().map(toRecord),
      finishedAt: '2024-01-01T00:00:01.000Z',
      durationMs: 1000,
      exitCode: 0,
      summary: tail.summary,
    });
  });

  it('is valid JSON without any record', async () => {
    const { results } = JSON.parse(await write('m.json', [])) as { results: unknown };
    assert.deepEqual(results, []);
  });

  it('is JSON under any other extension', async () => {
    assert.equal((JSON.parse(await write('report.txt')) as { schema: number }).schema, 1);
  });

  it('is a record a line, and nothing else, as .jsonl', async () => {
    const lines = (await write('m.JSONL')).split('\n');
    assert.equal(lines.pop(), '');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      everyOutcome().map(toRecord),
    );
  });

  it('is RFC 4180 as .csv, and odd paths come back exactly', async () => {
    const paths = ['a "quoted", name\r\nwith a line.mp4', '=cmd()', ' spaces ', '影片.mp4'];
    const text = await write(
      'm.csv',
      paths.map((path) => uploaded(path)),
    );
    const [header, ...rows] = parseCsv(text);
    assert.deepEqual(header?.slice(0, 8), [
      'path',
      'status',
      'reason',
      'size',
      'mtime',
      'crc64',
      'fileId',
      'mediaUrl',
    ]);
    assert.deepEqual(header?.slice(-2), ['errorRetryable', 'extra']);
    assert.deepEqual(
      rows.map((row) => row[0]),
      paths,
    );
    assert.ok(rows.every((row) => row.length === header?.length));
  });

  it('tells failures in the columns of .csv', async () => {
    const facts = { stage: 'commit', serviceCode: 'InternalError' } as const;
    const text = await write('m.csv', [failed('a', 'service-unavailable', 'answered 500', facts)]);
    const [header, row] = parseCsv(text);
    const cells = Object.fromEntries(header?.map((name, at) => [name, row?.[at]]) ?? []);
    assert.equal(cells['errorCode'], 'service-unavailable');
    assert.equal(cells['errorServiceCode'], 'InternalError');
    assert.equal(cells['errorRetryable'], 'true');
    assert.equal(cells['fileId'], '');
  });

  it('may be read by everyone, whatever the umask and the mode of the one before', async () => {
    await fs.writeFile(join(directory, 'm.json'), 'old', { mode: 0o600 });
    await write('m.json');
    assert.equal((await fs.stat(join(directory, 'm.json'))).mode & 0o777, 0o644);
  });

  it('replaces the old one only when it is whole, and leaves nothing else behind', async () => {
    const path = join(directory, 'm.json');
    await fs.writeFile(path, 'old');
    const manifest = await begin('m.json');
    await manifest.record(uploaded('a'));
    assert.equal(await fs.readFile(path, 'utf8'), 'old');
    await manifest.finish(tail);
    assert.match(await fs.readFile(path, 'utf8'), /"runId": "run-1"/);
    assert.deepEqual(await fs.readdir(directory), ['m.json']);
  });

  it('is written through a symbolic link, which stays one', async () => {
    await fs.mkdir(join(directory, 'real'));
    await fs.symlink('real/m.json', join(directory, 'link.json'));
    await write('link.json');
    await write('link.json');
    assert.ok((await fs.lstat(join(directory, 'link.json'))).isSymbolicLink());
    assert.deepEqual(await fs.readdir(join(directory, 'real')), ['m.json']);
  });

  it('takes records at once from many files, each whole and none twice', async () => {
    const manifest = await begin('m.jsonl');
    const paths = Array.from({ length: 2000 }, (_, at) => `f${at}`);
    await Promise.all(paths.map((path) => manifest.record(uploaded(path))));
    await manifest.finish(tail);
    const lines = (await fs.readFile(join(directory, 'm.jsonl'), 'utf8')).trimEnd().split('\n');
    const told = lines.map((line) => (JSON.parse(line) as ManifestRecord).path);
    assert.deepEqual(told, paths);
  });

  it('holds 50,000 records without holding them in memory', async () => {
    const manifest = await begin('m.json');
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let at = 0; at < 50_000; at++) {
      await manifest.record(uploaded(`f${at}`));
      if (at % 500 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    const [temporary] = await fs.readdir(directory);
    const { size } = await fs.stat(join(directory, temporary as string));
    await manifest.finish(tail);
    const text = await fs.readFile(join(directory, 'm.json'), 'utf8');
    assert.equal((JSON.parse(text) as { results: unknown[] }).results.length, 50_000);
    assert.ok(most < 16 * 2 ** 20, `${most} bytes of buffers`);
    assert.ok(text.length - size < 128 * 1024, 'nearly all of it was on disk before the end');
  });
});

describe('a manifest on a full disk', () => {
  it('never fails a record, says so at the end, and leaves the old one as it was', async () => {
    await fs.writeFile(join(directory, 'm.json'), 'old');
    const manifest = await begin('m.json', { openFile: () => fs.open('/dev/full', 'w') });
    for (let at = 0; at < 1000; at++) await manifest.record(uploaded(`f${at}`));
    await assert.rejects(manifest.finish(tail), (error) => {
      assert.ok(error instanceof ManifestError);
      assert.match(error.message, /m\.json could not be written: ENOSPC/);
      assert.match(error.hint, /^Check the disk of the manifest and the space on it/);
      return true;
    });
    assert.equal(await fs.readFile(join(directory, 'm.json'), 'utf8'), 'old');
  });

  for (const linked of [false, true]) {
    const name = linked ? 'a link to a file that is open' : 'a file that is open';
    it(`may be ${name}, which is written to where its other writers are`, async () => {
      const file = await fs.open(join(directory, 'log'), 'w');
      let path = `/dev/fd/${file.fd}`;
      if (linked) {
        await fs.symlink(path, join(directory, 'm.json'));
        path = join(directory, 'm.json');
      }
      await file.write('before\n');
      const manifest = await begin('', { path });
      await manifest.record(uploaded('a.mp4'));
      await manifest.finish(tail);
      await file.write('after\n');
      await file.close();
      const log = await fs.readFile(join(directory, 'log'), 'utf8');
      const [, json = ''] = /^before\n(\{.*\}\n)after\n$/s.exec(log) ?? [];
      assert.equal((JSON.parse(json) as { results: unknown[] }).results.length, 1);
    });
  }

  it('may be a device, which is written to and never replaced', async () => {
    const manifest = await begin('.', { path: '/dev/full' });
    await manifest.record(uploaded('a'));
    await assert.rejects(manifest.finish(tail), ManifestError);
    assert.ok((await fs.stat('/dev/full')).isCharacterDevice());
    const other = await begin('.', { path: '/dev/null' });
    await other.finish(tail);
    assert.ok((await fs.stat('/dev/null')).isCharacterDevice());
  });
});

describe('temporaries of a manifest', () => {
  it('are removed when their process is dead, and only those of this manifest and machine', async () => {
    const dead = `.m.json.${hostname()}-${DEAD_PID}-0123abcd.new`;
    const others = [
      `.m.json.${hostname()}-${process.pid}-0123abcd.new`,
      `.m.json.elsewhere-${DEAD_PID}-0123abcd.new`,
      `.other.json.${hostname()}-${DEAD_PID}-0123abcd.new`,
      `.m.json.${hostname()}-${DEAD_PID}-mine.txt`,
    ];
    for (const name of [dead, ...others]) {
      await fs.writeFile(join(directory, name), '');
      await fs.utimes(join(directory, name), 0, 0);
    }
    await write('m.json');
    assert.deepEqual((await fs.readdir(directory)).sort(), [...others, 'm.json'].sort());
  });

  it('are kept for a day, since the processes of another container look dead', async () => {
    const first = await begin('m.json', {
      processes: { pid: DEAD_PID, isAlive: () => true },
      startedAt: new Date(),
    });
    await (await begin('m.json', { startedAt: new Date() })).finish(tail);
    await first.finish(tail);
    assert.deepEqual(await fs.readdir(directory), ['m.json']);
  });
});

const onlySuperuser = process.getuid?.() !== 0 && 'only the superuser becomes another user';

describe('another user', { skip: onlySuperuser }, () => {
  it('may put a manifest in a directory that he may not list', async () => {
    await fs.chmod(directory, 0o300);
    await fs.chown(directory, NOBODY, NOBODY);
    await asNobody(async () => (await begin('m.json')).finish(tail));
    assert.deepEqual(await fs.readdir(directory), ['m.json']);
  });

  it('writes into the file of a sticky directory that is open to him', async () => {
    const path = join(directory, 'm.json');
    await fs.chmod(directory, 0o1777);
    await fs.writeFile(path, 'old '.repeat(10_000));
    await fs.chmod(path, 0o666);
    const { ino } = await fs.stat(path);
    await asNobody(async () => JSON.parse(await write('m.json')));
    assert.equal((await fs.stat(path)).ino, ino);
    assert.deepEqual(await fs.readdir(directory), ['m.json']);
  });

  it(
    'is told after a minute where his manifest is whole, if that file answers nothing',
    { timeout: 20_000 },
    async (t) => {
      const path = join(directory, 'm.json');
      await fs.chmod(directory, 0o1777);
      await asNobody(async () => {
        t.mock.timers.enable({ apis: ['setInterval'] });
        const manifest = await begin('m.json');
        // Nobody reads it: whoever opens it to write waits.
        process.seteuid?.(0);
        spawnSync('mkfifo', ['-m', '666', path]);
        process.seteuid?.(NOBODY);
        const told = manifest.finish(tail).then(String, String);
        let isSettled = false;
        void told.then(() => (isSettled = true));
        while (!isSettled) {
          await pause(20);
          t.mock.timers.tick(60_000);
        }
        const whole = /has not answered for a minute; it is whole in (\S+\.new)/.exec(
          await told,
        )?.[1];
        assert.ok(whole, await told);
        JSON.parse(await fs.readFile(whole, 'utf8'));
      });
      await (await fs.open(path, 'r+')).close();
    },
  );
});

/** Rows and cells of RFC 4180, told apart the long way. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g,
  )) {
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
