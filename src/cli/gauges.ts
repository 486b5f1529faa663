import { cpus } from 'node:os';
import type { Ports } from '../pipeline/ports.js';
import type { RunFacts } from './explain-run.js';

/** What is measured of a run where it meets the world. */
export type Gauges = Pick<RunFacts, 'readMs' | 'busy' | 'machineBusy' | 'ownShare'>;

/** The ports as they are, measured. */
export function gauge<P extends Pick<Ports, 'sourceOf'>>(
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
    readMs: 0,
    get busy() {
      return performance.eventLoopUtilization().utilization;
    },
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
      sourceOf: timeReads(ports.sourceOf, (ms) => (gauges.readMs += ms)),
    },
  };
}

function timeReads(sourceOf: Ports['sourceOf'], tell: (ms: number) => void): Ports['sourceOf'] {
  return (file) => {
    const source = sourceOf(file);
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

/** What all processors did since they started; waiting for a disk is not doing. */
function processorsBusyMs(): number {
  return cpus().reduce(
    (sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq,
    0,
  );
}
