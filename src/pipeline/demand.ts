import type { JobId } from '../core/ids.js';
import type { Job } from '../core/model.js';
import { partSizeFor } from '../core/parts.js';
import type { Ports } from './ports.js';

/** How many parts the files in flight have still to send; a small file is a fraction of one. */
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
    begin({ id, media }) {
      inFlight.set(id, { partSize: partSizeFor(media.size, wanted), parts: 0 });
      progress(id, media.size);
    },
    progress,
    end(id) {
      progress(id, 0);
      inFlight.delete(id);
    },
  };
}
