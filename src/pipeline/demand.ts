import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import { partSizeFor } from '../core/parts.js';
import { jobSize } from '../core/size.js';
import type { Ports } from './ports.js';

/**
 * So many parts for each connection keep it busy. A small file is a small part of one, and mostly waits for its
 * apply and commit, so it takes many; of large files a few suffice, and no certificate ages in a queue.
 */
const PARTS_A_SLOT = 3;

/** How many parts keep the connections busy. */
export function enoughParts({ rules }: Ports['slots']): number {
  return PARTS_A_SLOT * rules.expected;
}

/** How many parts the media and segments of a job are, as one file; a small one is a fraction of one. */
export function partsOf(job: Job, wanted: number | undefined): number {
  const size = jobSize(job);
  return size / partSizeFor(size, wanted);
}

/** How many parts some files have still to send. */
export interface Demand {
  readonly parts: number;
  begin(job: Job): void;
  progress(id: JobId, bytesLeft: number): void;
  end(id: JobId): void;
}

export function createDemand({ partSize: wanted }: Pick<Ports, 'partSize'>): Demand {
  const inFlight = new Map<JobId, { readonly partSize: number; parts: number }>();
  let parts = 0;

  function progress(id: JobId, bytesLeft: number): void {
    const job = inFlight.get(id);
    if (job === undefined) return;
    parts -= job.parts;
    job.parts = bytesLeft / job.partSize;
    parts += job.parts;
  }

  return {
    get parts() {
      return parts;
    },
    begin(job) {
      const size = jobSize(job);
      inFlight.set(job.id, { partSize: partSizeFor(size, wanted), parts: 0 });
      progress(job.id, size);
    },
    progress,
    end(id) {
      progress(id, 0);
      inFlight.delete(id);
    },
  };
}
