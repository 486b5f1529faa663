import { ReadStream } from 'node:tty';
import type { Emit } from '../core/events.js';
import type { PartSlots } from '../pipeline/part-slots.js';
import { isInForeground, OWN_GROUP, type TerminalUser } from './job-control.js';
import type { World } from './world.js';

const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';

/** On a terminal: p pauses, r resumes, q and ^C stop. Elsewhere nothing is read. */
export function listenForKeys(
  { stdin, stderr }: World,
  slots: PartSlots,
  emit: Emit,
  stopJob: () => void,
): TerminalUser & { close(): void } {
  const { fd } = stdin;
  if (fd === undefined || stdin.isTTY !== true || stderr.isTTY !== true || !isInForeground()) {
    const nothing = (): void => undefined;
    return { release: nothing, take: nothing, close: nothing };
  }
  const openTerminal = (): ReadStream => new ReadStream(fd);
  let isClosed = false;
  let terminal: ReadStream | undefined;

  function onKey(data: Buffer): void {
    for (const key of data.toString()) {
      if (key === 'q') process.kill(process.pid, 'SIGINT');
      // As the terminal itself would.
      if (key === CTRL_C) process.kill(OWN_GROUP, 'SIGINT');
      if (key === CTRL_Z) stopJob();
      if (key === 'p') {
        slots.adjust({ isPaused: true });
        emit({ type: 'warning', message: 'paused: what is under way ends, r goes on' });
      }
      if (key === 'r') {
        slots.adjust({ isPaused: false });
        emit({ type: 'warning', message: 'resumed' });
      }
    }
  }

  /** Closing sets the mode once more, for which the kernel stops a process in the background: it is done before. */
  function release(): void {
    terminal?.setRawMode(false);
    terminal?.destroy();
    terminal = undefined;
  }
  function take(): void {
    if (isClosed || terminal) return;
    terminal = openTerminal();
    terminal.on('data', onKey);
    // One that was closed takes no mode any more.
    terminal.on('error', () => undefined);
    terminal.setRawMode(true);
    terminal.unref();
  }
  function close(): void {
    isClosed = true;
    process.off('exit', close);
    release();
  }

  take();
  process.on('exit', close);
  return { release, take, close };
}
