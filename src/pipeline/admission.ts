import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import { onAbort } from '../core/waits.js';
import { createDemand, enoughParts, partsOf } from './demand.js';
import type { Admit, Ports } from './ports.js';

/** Who may have a session. */
export interface Admission {
  readonly admit: Admit;
  progress(id: JobId, bytesLeft: number): void;
  end(id: JobId): void;
}

/** The run is to stop, and the job has not begun. */
export class NotAdmitted extends Error {}

/** Connections without work for so long get some, however much those that have a session have still to send. */
const IDLE_MS = 2000;
const LOOK_MS = 250;

/**
 * Sessions as late as may be: a file of many parts gets none while those that have one keep the connections
 * busy. They go first, and its certificate would grow old meanwhile. Once `stop` has aborted whoever waits is
 * not admitted any more, nor who comes then.
 */
export function createAdmission(
  ports: Pick<Ports, 'slots' | 'partSize'>,
  stop: AbortSignal,
): Admission {
  const { slots } = ports;
  const admitted = createDemand(ports);
  const waiting = new Set<() => void>();
  let busyAt = 0;

  function tryToAdmit(job: Job, parts: number): boolean {
    const enough = enoughParts(slots);
    if (!hasFree(slots)) busyAt = performance.now();
    const isIdle = performance.now() - busyAt >= IDLE_MS;
    if (admitted.parts >= enough && parts >= enough && !isIdle) return false;
    admitted.begin(job);
    busyAt = performance.now();
    return true;
  }

  function itsTurn(job: Job, signal: AbortSignal): Promise<void> {
    const parts = partsOf(job, ports.partSize);
    if (tryToAdmit(job, parts)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = (settle: () => void): void => {
        clearInterval(timer);
        waiting.delete(look);
        for (const unlisten of listening) unlisten();
        settle();
      };
      const look = (): void => {
        if (tryToAdmit(job, parts)) leave(resolve);
      };
      const timer = setInterval(look, LOOK_MS);
      const listening = [
        onAbort(signal, () => leave(() => reject(signal.reason as Error))),
        onAbort(stop, () => leave(() => reject(new NotAdmitted()))),
      ];
      waiting.add(look);
    });
  }

  return {
    async admit(job, isUnderWay, signal) {
      signal.throwIfAborted();
      if (!isUnderWay && stop.aborted) throw new NotAdmitted();
      // A session before this one was no good.
      admitted.end(job.id);
      if (waiting.size === 0) busyAt = performance.now();
      if (isUnderWay) admitted.begin(job);
      else await itsTurn(job, signal);
    },
    progress(id, bytesLeft) {
      admitted.progress(id, bytesLeft);
      for (const look of waiting) look();
    },
    end(id) {
      admitted.end(id);
      for (const look of waiting) look();
    },
  };
}

function hasFree({ waiting, active, rules }: Ports['slots']): boolean {
  return waiting === 0 && active < rules.limit && !rules.isPaused;
}
