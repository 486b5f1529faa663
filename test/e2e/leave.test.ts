import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, test } from 'node:test';

const LEAVE = new URL('../../src/cli/leave.js', import.meta.url).href;
const dir = mkdtempSync(join(tmpdir(), 'leave-'));
after(() => rmSync(dir, { recursive: true }));

interface Left {
  readonly code: number | null;
  readonly signal: string | null;
  readonly told: string;
  readonly ms: number;
}

/** What becomes of a process that leaves while one of its threads waits for a disk that says nothing. */
function left(call: string, isWaiting: boolean) {
  const pipe = join(dir, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const open = isWaiting ? `fs.open(${JSON.stringify(pipe)}, () => undefined);` : '';
  const script = `import fs from 'node:fs'; import * as leaving from ${JSON.stringify(LEAVE)};
    process.once('exit', () => process.stdout.write('terminal given back'));
    ${open} process.on('SIGINT', () => undefined); leaving.${call};`;
  const since = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += String(chunk)));
  return new Promise<Left>((resolve) => {
    child.on('close', (code, signal) =>
      resolve({ code, signal, told, ms: performance.now() - since }),
    );
  });
}

const isWindows = process.platform === 'win32';

test('a process leaves with its code where nothing holds it', async () => {
  const { code, signal } = await left('leave(130)', false);
  assert.deepEqual([code, signal], [130, null]);
});

test('what a reader takes late is told whole, and costs an interrupted process nothing', async () => {
  const told = async (code: number): Promise<number> => {
    const script = `import * as leaving from ${JSON.stringify(LEAVE)};
      process.stdout.write('x'.repeat(1_000_000)); leaving.leave(${code});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await pause(1500);
    let length = 0;
    for await (const chunk of child.stdout) length += (chunk as Buffer).length;
    return length;
  };
  assert.equal(await told(0), 1_000_000);
  assert.ok((await told(130)) < 1_000_000);
});

test('an interrupted process does not wait for a dead disk', { skip: isWindows }, async () => {
  for (const call of ['leave(130)', 'leaveAtOnce(130)']) {
    const { code, signal, told, ms } = await left(call, true);
    assert.deepEqual([code, signal], [null, 'SIGINT'], call);
    assert.equal(told, 'terminal given back', call);
    assert.ok(ms < 2000, String(ms));
  }
});
