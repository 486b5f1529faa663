/**
 * `npm run demo`: a folder of small videos goes to the sandbox, as a newcomer would send it.
 * One of them is made larger than 20 MiB on the spot, so that it goes up in parts.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'vod-upload-demo-'));

/** An MP4 box that players pass over: length, type, nothing of interest. */
function freeBox(size: number): Buffer {
  const box = Buffer.alloc(size);
  box.writeUInt32BE(size, 0);
  box.write('free', 4, 'latin1');
  return box;
}

try {
  cpSync(join(project, 'fixtures/media'), join(dir, 'videos'), { recursive: true });
  appendFileSync(join(dir, 'videos/festival.mp4'), freeBox(24 * 1024 * 1024));
  const args = ['videos', '--sandbox=cloud', '--procedure', 'QCVB_SimpleProcessFile(1,1)'];
  process.stdout.write(`$ vod-upload ${args.join(' ').replace(/(\S+\(.*\))/, '"$1"')}\n`);
  const { status } = spawnSync(process.execPath, [join(project, 'bin/vod-upload.js'), ...args], {
    cwd: dir,
    stdio: 'inherit',
  });
  process.stdout.write('\n$ cat vod-upload-manifest.json\n');
  const manifest: unknown = JSON.parse(readFileSync(join(dir, 'vod-upload-manifest.json'), 'utf8'));
  process.stdout.write(`${JSON.stringify(manifest, null, 2)}\n`);
  process.exitCode = status ?? 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
