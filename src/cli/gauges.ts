import { cpus } from 'node:os';
import type { JobId } from '../core/ids.js';
import type { Journal, OpenFile, PartSlots, Ports } from '../core/ports.js';

/** What is measured of a run where it meets the world; times are sums over all that waited. */
export interface Gauges {
  /** The most files that were in flight at once. */
  readonly mostFiles: number;
  /** How long bytes of sources were waited for. */
  readonly readMs: number;
  /** How long connections were taken. */
  readonly connectedMs: number;
  /** The share of the time of all processors that anything took until now, 0 to 1. */
  readonly machineBusy: number;
  /** The share of it that this process took. */
  readonly ownShare: number;
}

/** The ports as they are, measured. */
export function gauge<P extends Pick<Ports, 'journal' | 'openFile' | 'slots'>>(
  ports: P,
): { readonly ports: P; readonly gauges: Gauges } {
  const since = performance.now();
  const busyBefore = processorsBusyMs();
  const ownBefore = process.cpuUsage();
  const shareOf = (ms: number): number => {
    const availableMs = (performance.now() - since) * cpus().length;
    // Processors are counted in ticks, of which a short run may see one too many.
    return availableMs > 0 ? Math.min(1, ms / availableMs) : 0;
  };
  const gauges = {
    mostFiles: 0,
    readMs: 0,
    connectedMs: 0,
    get machineBusy() {
      return shareOf(processorsBusyMs() - busyBefore);
    },
    get ownShare() {
      const { user, system } = process.cpuUsage(ownBefore);
      return shareOf((user + system) / 1000);
    },
  };
  return {
    gauges,
    ports: {
      ...ports,
      journal: countFiles(ports.journal, (count) => {
        gauges.mostFiles = Math.max(gauges.mostFiles, count);
      }),
      openFile: timeReads(ports.openFile, (ms) => (gauges.readMs += ms)),
      slots: timeConnections(ports.slots, (ms) => (gauges.connectedMs += ms)),
    },
  };
}

/** A file is in flight from its claim until that is given up. */
function countFiles(journal: Journal, tell: (count: number) => void): Journal {
  const claimed = new Set<JobId>();
  return {
    async claim(job) {
      const claim = await journal.claim(job);
      if (claim.kind === 'ours') tell(claimed.add(job.id).size);
      return claim;
    },
    remember: (...args) => journal.remember(...args),
    forget: (id) => journal.forget(id),
    async settle(job, receipt) {
      const replaced = await journal.settle(job, receipt);
      claimed.delete(job.id);
      return replaced;
    },
    release(id) {
      claimed.delete(id);
      return journal.release(id);
    },
  };
}

function timeReads(openFile: OpenFile, tell: (ms: number) => void): OpenFile {
  return async (file) => {
    const source = await openFile(file);
    return {
      ...source,
      async read(into, position) {
        const since = performance.now();
        const count = await source.read(into, position);
        tell(performance.now() - since);
        return count;
      },
    };
  };
}

function timeConnections(slots: PartSlots, tell: (ms: number) => void): PartSlots {
  return {
    open(remaining) {
      const lane = slots.open(remaining);
      return {
        close: () => lane.close(),
        run: (work, signal) =>
          lane.run(async (giveWay) => {
            const since = performance.now();
            try {
              return await work(giveWay);
            } finally {
              tell(performance.now() - since);
            }
          }, signal),
      };
    },
  };
}

/** What all processors did since they started; waiting for a disk is not doing. */
function processorsBusyMs(): number {
  return cpus().reduce(
    (sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq,
    0,
  );
}
