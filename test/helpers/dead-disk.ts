import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';

/** Who mounts it takes none of the questions that it is asked. */
const MOUNT = `exec 5<>/dev/fuse
  mount -i -t fuse dead "$0" -o fd=5,rootmode=40000,user_id=0,group_id=0 || exit 1
  echo mounted; read end; exec 5>&-; umount -l "$0"`;

/** Why there can be no dead disk here; false where there can. */
export const noDeadDisk =
  spawnSync('unshare', ['--mount', 'sh', '-c', MOUNT, tmpdir()], { stdio: 'ignore' }).status === 0
    ? false
    : 'needs the right to mount a FUSE file system';

/** Mounts a disk that answers nothing, for ever; resolves to what lets go of whoever waits for it. */
export async function mountDeadDisk(directory: string): Promise<() => Promise<void>> {
  const holder = spawn('sh', ['-c', MOUNT, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  await once(holder.stdout, 'data');
  return async () => {
    holder.stdin.end();
    await ended;
  };
}
