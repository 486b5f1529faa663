/** What Node lists while one of its threads is at work on a file or a name. */
const IN_THREADS = new Set(['FSReqCallback', 'FSReqPromise', 'GetAddrInfoReqWrap']);
/** So long a disk or a name server may take to answer a process that is done, and one that is to be gone. */
const PATIENCE_MS = 10_000;
const INTERRUPTED_PATIENCE_MS = 300;
const LOOK_MS = 20;
/** The signals that have these exit codes for shells. */
const SIGNALS: Readonly<Record<number, NodeJS.Signals>> = { 130: 'SIGINT', 143: 'SIGTERM' };

/**
 * Ends the process with this code. Node waits at its end for what its threads are at, and a dead disk
 * never answers them: then the process dies by the signal of its code, or by SIGKILL.
 */
export function leave(code: number): void {
  const patienceMs = code in SIGNALS ? INTERRUPTED_PATIENCE_MS : PATIENCE_MS;
  const since = performance.now();
  function look(): void {
    if (!isWaiting()) process.exit(code);
    if (performance.now() - since >= patienceMs) die(code);
    setTimeout(look, LOOK_MS);
  }
  look();
}

/** The same, without any patience. */
export function leaveAtOnce(code: number): void {
  if (isWaiting()) die(code);
  else process.exit(code);
}

function isWaiting(): boolean {
  return process.getActiveResourcesInfo().some((kind) => IN_THREADS.has(kind));
}

function die(code: number): void {
  const signal = SIGNALS[code] ?? 'SIGKILL';
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
