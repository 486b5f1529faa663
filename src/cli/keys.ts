import { readFileSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
import type { Emit } from '../core/events.js';
import type { PartSlotControl } from '../pipeline/part-slots.js';
import type { World } from './world.js';

const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';

/** On a terminal: p pauses, r resumes, q and ^C stop. Elsewhere nothing is read. */
export function listenForKeys(
  { stdin, stderr }: World,
  slots: PartSlotControl,
  emit: Emit,
): { close(): void } {
  const terminal = stdin as ReadStream;
  if (stdin.isTTY !== true || stderr.isTTY !== true || !isInForeground()) {
    return { close: () => undefined };
  }
  const raw = (on: boolean): void => void terminal.setRawMode(on);

  function onKey(data: Buffer): void {
    for (const key of data.toString()) {
      if (key === 'q' || key === CTRL_C) process.kill(process.pid, 'SIGINT');
      if (key === 'p') {
        slots.pause();
        // With nothing under way, the wait for the next key keeps the process alive.
        terminal.ref();
        emit({ type: 'warning', message: 'paused: what is under way ends, r goes on' });
      }
      if (key === 'r') {
        slots.resume();
        terminal.unref();
        emit({ type: 'warning', message: 'resumed' });
      }
      if (key === CTRL_Z) {
        raw(false);
        process.kill(process.pid, 'SIGSTOP');
      }
    }
  }

  const onContinue = (): void => {
    if (isInForeground()) raw(true);
  };
  function close(): void {
    process.off('exit', close);
    process.off('SIGCONT', onContinue);
    terminal.off('data', onKey);
    terminal.pause();
    raw(false);
  }

  raw(true);
  terminal.on('data', onKey);
  terminal.unref();
  process.on('SIGCONT', onContinue);
  process.on('exit', close);
  return { close };
}

/** A background job that touched the terminal's mode would be stopped by the kernel. */
function isInForeground(): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    const [processGroup, foreground] = [fields[2], fields[5]];
    return processGroup === foreground;
  } catch {
    return true;
  }
}
