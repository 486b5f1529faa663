import type { JobId } from '../../src/core/ids.js';
import type { Checkpoint, Receipt } from '../../src/core/model.js';
import type { Journal } from '../../src/core/ports.js';

/** A journal that forgets with the process: the pipeline's tests can look into it. */
export interface MemoryJournal extends Journal {
  readonly checkpoints: Map<JobId, Checkpoint>;
  readonly receipts: Map<JobId, Receipt>;
  readonly claimed: Set<JobId>;
}

export function createMemoryJournal(): MemoryJournal {
  const checkpoints = new Map<JobId, Checkpoint>();
  const receipts = new Map<JobId, Receipt>();
  const claimed = new Set<JobId>();
  return {
    checkpoints,
    receipts,
    claimed,
    async claim({ id, request }) {
      const receipt = receipts.get(id);
      if (receipt) {
        const was = request;
        return { kind: 'uploaded', receipt, was, changedOptions: [], begunAnew: undefined };
      }
      if (claimed.has(id)) return { kind: 'held' };
      claimed.add(id);
      const checkpoint = checkpoints.get(id);
      return { kind: 'ours', changedOptions: [], ...(checkpoint ? { checkpoint } : {}) };
    },
    async remember(id, checkpoint) {
      checkpoints.set(id, checkpoint);
    },
    async settle({ id }, receipt) {
      receipts.set(id, receipt);
      checkpoints.delete(id);
      claimed.delete(id);
      return undefined;
    },
    async forget(id) {
      checkpoints.delete(id);
    },
    async release(id) {
      claimed.delete(id);
    },
  };
}
