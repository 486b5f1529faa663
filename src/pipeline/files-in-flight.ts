import type { Job } from '../core/model.js';
import { onAbort } from '../core/waits.js';
import { createAdmission } from './admission.js';
import { createDemand, enoughParts } from './demand.js';
import type { Ports } from './ports.js';

/** Files in flight at least, and at most, where the number is automatic. */
const MIN_FILES = 4;
const MAX_FILES = 192;

export interface FileLimits {
  /** Files in flight; absent: as many as keep the connections busy. */
  readonly concurrency?: number;
  /** Files in flight at most, where the number is automatic. */
  readonly maxFiles?: number;
}

export interface FilesInFlight {
  /** For what works on them: it hears how far each of them is. */
  readonly ports: Ports;
  /**
   * Begins work that never rejects, and resolves once there is a place for another job, or `stop` has aborted:
   * then none is to begin.
   */
  begin(job: Job, work: () => Promise<void>): Promise<void>;
  /** Resolves when none is left. */
  idle(): Promise<void>;
}

export function createFilesInFlight(
  { concurrency, maxFiles = MAX_FILES }: FileLimits,
  ports: Ports,
  stop: AbortSignal,
): FilesInFlight {
  const most = concurrency ?? Math.min(MAX_FILES, maxFiles);
  const demand = createDemand(ports);
  const admission = createAdmission(ports, stop);
  let files = 0;
  let wake = (): void => undefined;
  ports.slots.onChange(() => wake());
  onAbort(stop, () => wake());

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
  }

  function hasRoom(): boolean {
    if (ports.slots.rules.isPaused || files >= most) return false;
    if (concurrency !== undefined || files < MIN_FILES) return true;
    return demand.parts < enoughParts(ports.slots);
  }

  async function run(job: Job, work: () => Promise<void>): Promise<void> {
    demand.begin(job);
    files += 1;
    await work();
    files -= 1;
    demand.end(job.id);
    admission.end(job.id);
    wake();
  }

  return {
    ports: {
      ...ports,
      admit: admission.admit,
      emit(event) {
        if (event.type === 'job-progress') {
          const left = event.size - event.bytesStored;
          demand.progress(event.id, left);
          admission.progress(event.id, left);
          wake();
        }
        ports.emit(event);
      },
    },
    async begin(job, work) {
      void run(job, work);
      await until(() => hasRoom() || stop.aborted);
    },
    idle: () => until(() => files === 0),
  };
}
