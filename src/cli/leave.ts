import { isatty } from 'node:tty';

/** What Node lists while one of its threads is at work on a file, or on a name. */
const FILES = /^FSReq/;
const FILES_OR_NAMES = /^FSReq|^GetAddrInfo/;
/** So long a disk may take to answer a process that is done, and all else one that is to be gone. */
const PATIENCE_MS = 10_000;
const INTERRUPTED_PATIENCE_MS = 300;
const LOOK_MS = 20;
/** The signals that have these exit codes for shells. */
const SIGNALS: Readonly<Record<number, NodeJS.Signals>> = { 130: 'SIGINT', 143: 'SIGTERM' };
/** In a container the kernel keeps signals without a listener from the first process, its own included. */
const isFirstProcess = process.pid === 1;

/**
 * Ends the process with this code, once what it has told is read. Node waits at its end for what its
 * threads are at, and a dead disk never answers them: then the process dies by the signal of its code,
 * or by SIGKILL; as the first process of a container, which only a crash ends then, by SIGSEGV.
 */
export function leave(code: number): void {
  const isInterrupted = code in SIGNALS;
  const patienceMs = isInterrupted ? INTERRUPTED_PATIENCE_MS : PATIENCE_MS;
  // A crash is for a disk that is really dead.
  const diskPatienceMs = isFirstProcess ? PATIENCE_MS : patienceMs;
  const since = performance.now();
  function look(): void {
    const waitedMs = performance.now() - since;
    const isHeld = isAtWork(isInterrupted ? FILES_OR_NAMES : FILES);
    if (isHeld && waitedMs >= diskPatienceMs) die(code);
    else if (isHeld || (isTelling() && (waitedMs < patienceMs || !isInterrupted))) {
      setTimeout(look, LOOK_MS);
    } else end(code);
  }
  // What was written last tells of its failure in this turn of the event loop.
  setImmediate(look);
}

/** The same, without any patience; the first process of a container waits for its disk. */
export function leaveAtOnce(code: number): void {
  if (isAtWork(FILES_OR_NAMES) && !isFirstProcess) die(code);
  else end(code);
}

/** Node's own exit crashes where the terminal was closed. */
function end(code: number): void {
  if (code in SIGNALS && !isFirstProcess && isTerminalClosed()) die(code);
  else process.exit(code);
}

function isTerminalClosed(): boolean {
  const { stdin, stdout, stderr } = process;
  return [stdin, stdout, stderr].some(({ isTTY, fd }) => isTTY && !isatty(fd));
}

/** Ends the first process of a container at signals that nobody else listens to. */
export function obeySignalsAsFirstProcess(): void {
  if (!isFirstProcess) return;
  for (const [code, signal] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) leaveAtOnce(Number(code));
    });
  }
}

/** Whether a reader has not taken all yet: what is written to a pipe waits in this process. */
function isTelling(): boolean {
  return process.stdout.writableLength + process.stderr.writableLength > 0;
}

function isAtWork(kinds: RegExp): boolean {
  return process.getActiveResourcesInfo().some((kind) => kinds.test(kind));
}

/** By signal. That is no exit to Node, so those who wait for one to give the terminal back are told here. */
function die(code: number): void {
  const signal = SIGNALS[code] ?? 'SIGKILL';
  process.emit('exit', code);
  if (signal === 'SIGKILL' || isFirstProcess) {
    process.stderr.write(
      `vod-upload: ended by force, since a disk does not answer (exit code ${code})\n`,
    );
  }
  if (isFirstProcess) process.abort();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
