import type { Emit } from '../core/events.js';
import type { PartSlots } from '../pipeline/part-slots.js';
import { leaveAtOnce } from './leave.js';
import { isUnderNohup } from './nohup.js';
import type { UploadFlags } from './upload-options.js';

/** What a run is asked to do from outside. */
export interface Interrupts {
  /** Aborts at the first signal: nothing new begins. */
  readonly stop: AbortSignal;
  /** Aborts when the rest of the plan had its chance to be put on record. */
  readonly leave: AbortSignal;
  /** Aborts when what is under way had its chance to end. */
  readonly abort: AbortSignal;
  /** The exit code that the signal stands for; undefined while there was none. */
  exitCode(): number | undefined;
  close(): void;
}

/** After the first signal, so long may the rest of the plan be read to put it on record. */
const DRAIN_MS = 500;
/** Requests under way may end for so long after the first signal. */
const GRACE_MS = 600;
/** Once no bytes move any more, commits under way get so long. */
const COMMIT_GRACE_MS = 300;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;
type Interrupt = keyof typeof EXIT_CODES;
/** timeout(1) signals its command and then the group that it is in, npm sends on what the group has got: one request. */
const SAME_REQUEST_MS = 300;

/**
 * Listens to SIGINT, SIGTERM and SIGHUP: the first asks, the second ends the process at once. SIGHUP is
 * never the second: the shell and the kernel both tell of a terminal that is closed.
 * SIGUSR1 asks for the state of things.
 */
export function listenForInterrupts(
  { force, resume, sandbox }: Pick<UploadFlags, 'force' | 'resume' | 'sandbox'>,
  slots: PartSlots,
  emit: Emit,
  tellState: () => void,
): Interrupts {
  const stop = new AbortController();
  const leave = new AbortController();
  const abort = new AbortController();
  let first: { readonly name: Interrupt; readonly atMs: number } | undefined;
  // The same command would upload again what is done, or begin anew what is not; a sandbox has its own state.
  const anew =
    sandbox === undefined ? 'vod-upload jobs resume' : 'without --force and --no-resume the same';
  const remedy = force || !resume ? anew : 'the same command';
  const timers: NodeJS.Timeout[] = [];

  function onInterrupt(name: Interrupt): void {
    if (name === 'SIGHUP' && isUnderNohup()) return;
    if (first) {
      const isSame = name === first.name && performance.now() - first.atMs < SAME_REQUEST_MS;
      if (name !== 'SIGHUP' && !isSame) leaveAtOnce(EXIT_CODES[name]);
      return;
    }
    first = { name, atMs: performance.now() };
    emit({
      type: 'warning',
      message: `${name}: stopping; what is stored stays, ${remedy} goes on (again: quit at once)`,
    });
    const reason = new Error(`interrupted by ${name}`);
    const drop = (): void => abort.abort(reason);
    slots.adjust({ isPaused: true });
    stop.abort(reason);
    timers.push(setTimeout(() => leave.abort(reason), DRAIN_MS));
    timers.push(setTimeout(drop, GRACE_MS));
    void slots.idle().then(() => timers.push(setTimeout(drop, COMMIT_GRACE_MS)));
  }

  const listeners: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ...(Object.keys(EXIT_CODES) as Interrupt[]).map(
      (name) => [name, (): void => onInterrupt(name)] as const,
    ),
    ['SIGUSR1', tellState],
  ];
  for (const [name, listener] of listeners) process.on(name, listener);
  return {
    stop: stop.signal,
    leave: leave.signal,
    abort: abort.signal,
    exitCode: () => first && EXIT_CODES[first.name],
    close() {
      timers.forEach(clearTimeout);
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
