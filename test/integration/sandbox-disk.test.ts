import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { importable } from '../helpers/few-descriptors.js';
import { commandLine } from '../helpers/run-cli.js';
import { callCos, callVod, cosCode, initiate, vod, vodCode } from '../helpers/sandbox-wire.js';
import type { Applied, Served } from '../helpers/sandbox-wire.js';

/** The largest file that the sandboxes here may write: a disk that is full in the middle of a write. */
const LIMIT_KIB = 2048;

let dir: string;
let served: ChildProcess | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vu-sandbox-disk-'));
});

afterEach(async () => {
  await end();
  await rm(dir, { recursive: true });
});

async function end(): Promise<void> {
  if (served === undefined) return;
  served.kill('SIGKILL');
  if (served.exitCode === null && served.signalCode === null) await once(served, 'exit');
  served = undefined;
}

/** A sandbox in a process of its own, on a disk that takes no file larger than the limit. */
async function serveOnFullDisk(): Promise<Served> {
  const command = `ulimit -S -f ${LIMIT_KIB * 2}; exec "$@"`;
  const args = commandLine(['sandbox', '--port', '0', '--dir', dir, '--json']);
  served = spawn('sh', ['-c', command, 'sh', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(served.stdout);
  const [line] = (await once(served.stdout, 'data')) as [Buffer];
  const { origin, secretId, secretKey } = JSON.parse(line.toString()) as Served & {
    origin: string;
  };
  return { port: Number(new URL(origin).port), secretId, secretKey };
}

function freeTheDisk(): void {
  execFileSync('prlimit', ['--fsize=unlimited', `--pid=${served?.pid}`]);
}

test('what a full disk took half of never happened, and the directory opens again', async () => {
  const sandbox = await serveOnFullDisk();
  const apply = () =>
    callVod(sandbox, 'ApplyUpload', { MediaType: 'mp4', ExtInfo: 'x'.repeat(500_000) });
  let applied = 0;
  while (vodCode(await apply()) === undefined) applied += 1;
  freeTheDisk();
  assert.equal(vodCode(await apply()), undefined);
  await end();
  const again = await startSandbox({ dir });
  assert.equal(again.sessions().length, applied + 1);
  await again.close();
});

test('where a full disk took no keys, the directory opens once there is space', async () => {
  const script = `
    import { startSandbox } from ${importable('src/sandbox/sandbox')};
    await startSandbox({ dir: ${JSON.stringify(dir)} }).catch(({ code }) => console.log(code));
  `;
  const args = ['-c', 'ulimit -S -f 0; exec "$@"', 'sh', process.execPath, '--input-type=module'];
  const code = execFileSync('sh', [...args, '-e', script], { encoding: 'utf8' });
  assert.equal(code, 'EFBIG\n');
  const sandbox = await startSandbox({ dir });
  await sandbox.close();
});

test('parts that a full disk cannot join stay parts, and are joined once there is space', async () => {
  const sandbox = await serveOnFullDisk();
  const applied = await vod<Applied>(sandbox, 'ApplyUpload', { MediaType: 'mp4' });
  const path = applied.MediaStoragePath;
  const uploadId = await initiate(sandbox, applied, path);
  const body = randomBytes((LIMIT_KIB * 1024 * 3) / 4);
  const parts: string[] = [];
  for (const number of [1, 2]) {
    const part = `${path}?partNumber=${number}&uploadId=${uploadId}`;
    const { headers } = await callCos(sandbox, applied, 'PUT', part, { body });
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${headers.etag}</ETag></Part>`);
  }
  const list = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
  const complete = () =>
    callCos(sandbox, applied, 'POST', `${path}?uploadId=${uploadId}`, { body: list });
  assert.equal(cosCode(await complete()), 'InternalError');
  assert.equal((await readdir(join(dir, '.sandbox/parts'))).length, 2);
  freeTheDisk();
  assert.equal(cosCode(await complete()), undefined);
  const { headers } = await callCos(sandbox, applied, 'HEAD', path);
  assert.equal(Number(headers['content-length']), 2 * body.length);
});

test('a body that the disk cannot hold is read to its end, and its connection serves on', async () => {
  const sandbox = await serveOnFullDisk();
  const applied = await vod<Applied>(sandbox, 'ApplyUpload', { MediaType: 'mp4' });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const put = (body: Buffer) =>
    callCos(sandbox, applied, 'PUT', applied.MediaStoragePath, { body, agent });
  try {
    const large = Buffer.alloc(LIMIT_KIB * 1024 * 8);
    const refused = await put(large);
    assert.deepEqual([refused.status, cosCode(refused)], [500, 'InternalError']);
    assert.equal((await put(Buffer.from('x'))).status, 200);
    const [kept] = Object.values(agent.freeSockets).flat();
    assert.ok(kept && kept.bytesWritten > large.length, `${kept?.bytesWritten}`);
  } finally {
    agent.destroy();
  }
});
