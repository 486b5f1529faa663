import { readFileSync } from 'node:fs';

/** Something of this process that holds the terminal. */
export interface TerminalUser {
  /** Leaves the terminal as it was found. */
  release(): void;
  /** Takes it again; also where it was never released. */
  take(): void;
}

export interface StopListener {
  /** Stops the whole job, as the terminal would at ^Z: what is piped to, and the script that waits. */
  stopJob(): void;
  close(): void;
}

/** Stands for the process group of this process, which is the whole job. */
export const OWN_GROUP = 0;
/** A shell that brings a job to the foreground tells it only where that was stopped. */
const LOOK_MS = 1000;

/**
 * Stops at SIGTSTP as every process does, once the terminal is given back; it is taken again where the
 * process goes on in the foreground. Between two turns of the event loop no transaction is open, which
 * other runs would wait for.
 */
export function listenForStops(users: readonly TerminalUser[]): StopListener {
  let looking: NodeJS.Timeout | undefined;

  function take(): void {
    if (!isInForeground()) return;
    clearInterval(looking);
    users.forEach((user) => user.take());
  }
  function stop(whom: number): void {
    users.forEach((user) => user.release());
    process.off('SIGTSTP', stopThis);
    // The kernel stops nobody whom no shell could continue; then this is only a pause for breath.
    process.kill(whom, 'SIGTSTP');
    process.on('SIGTSTP', stopThis);
    clearInterval(looking);
    looking = setInterval(take, LOOK_MS).unref();
    take();
  }
  const stopThis = (): void => stop(process.pid);
  process.on('SIGTSTP', stopThis);
  process.on('SIGCONT', take);
  return {
    stopJob: () => stop(OWN_GROUP),
    close() {
      clearInterval(looking);
      process.off('SIGTSTP', stopThis);
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
