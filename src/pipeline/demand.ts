import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import { DEFAULT_PART_SIZE } from '../core/parts.js';
import type { Ports } from '../core/ports.js';

/** How many parts the files in flight have still to send; a small file is a fraction of one. */
export interface Demand {
  readonly parts: number;
  begin(job: Job): void;
  progress(id: JobId, bytesLeft: number): void;
  end(id: JobId): void;
}

export function createDemand({ partSize = DEFAULT_PART_SIZE }: Pick<Ports, 'partSize'>): Demand {
  const partsOf = new Map<JobId, number>();
  let parts = 0;

  function set(id: JobId, count: number): void {
    parts += count - (partsOf.get(id) ?? 0);
    partsOf.set(id, count);
  }

  return {
    get parts() {
      return parts;
    },
    begin: ({ id, media }) => set(id, media.size / partSize),
    progress(id, bytesLeft) {
      if (partsOf.has(id)) set(id, bytesLeft / partSize);
    },
    end(id) {
      set(id, 0);
      partsOf.delete(id);
    },
  };
}
