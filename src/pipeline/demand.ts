import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import type { Ports } from '../core/ports.js';

/** How many parts the files in flight have still to send; a file counts until it is committed. */
export interface Demand {
  readonly parts: number;
  /** Whether no file in flight has more than its last part to send. */
  areAllSmall(): boolean;
  begin(job: Job): void;
  progress(id: JobId, bytesLeft: number): void;
  end(id: JobId): void;
}

export function createDemand({ partSize }: Pick<Ports, 'partSize'>): Demand {
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
    areAllSmall: () => parts === partsOf.size,
    begin: ({ id, media }) => set(id, Math.max(1, Math.ceil(media.size / partSize))),
    progress(id, bytesLeft) {
      if (partsOf.has(id)) set(id, Math.max(1, Math.ceil(bytesLeft / partSize)));
    },
    end(id) {
      set(id, 0);
      partsOf.delete(id);
    },
  };
}
