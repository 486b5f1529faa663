import { readFileSync } from 'node:fs';

/** Something of this process that holds the terminal. */
export interface TerminalUser {
  /** Leaves the terminal as it was found. */
  release(): void;
  /** Takes it again; also where it was never released. */
  take(): void;
}

/**
 * Stops at SIGTSTP as every process does, once the terminal is given back; it is taken again where the
 * process goes on in the foreground. Between two turns of the event loop no transaction is open, which
 * other runs would wait for.
 */
export function listenForStops(users: readonly TerminalUser[]): { close(): void } {
  function take(): void {
    if (isInForeground()) users.forEach((user) => user.take());
  }
  function stop(): void {
    users.forEach((user) => user.release());
    process.off('SIGTSTP', stop);
    // The kernel stops nobody whom no shell could continue; then this is only a pause for breath.
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', stop);
    take();
  }
  process.on('SIGTSTP', stop);
  process.on('SIGCONT', take);
  return {
    close() {
      process.off('SIGTSTP', stop);
      process.off('SIGCONT', take);
    },
  };
}

/** A background job that reads from the terminal or touches its mode is stopped by the kernel. */
export function isInForeground(): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    const [processGroup, foreground] = [fields[2], fields[5]];
    return processGroup === foreground;
  } catch {
    return true;
  }
}
