import { createHash } from 'node:crypto';

/**
 * A set of paths that keeps 64 bits of each path's SHA-256: a million paths take 16 to 32 MB, and the
 * chance that two of them are taken for one is about 3 in 100 million.
 */
export interface PathSet {
  has(path: string): boolean;
  /** False where the path was in the set before. */
  add(path: string): boolean;
}

export function createPathSet(): PathSet {
  let slots = new Uint32Array(2 * 64);
  let size = 0;
  /** Who asks for a path adds it next. */
  let last = { path: '', ...hashOf('') };

  /** Where this hash is, or where it would go: open addressing, linear probing. */
  function slotOf(table: Uint32Array, high: number, low: number): number {
    const mask = table.length / 2 - 1;
    for (let index = low & mask; ; index = (index + 1) & mask) {
      const at = 2 * index;
      if (table[at] === 0 && table[at + 1] === 0) return at;
      if (table[at] === high && table[at + 1] === low) return at;
    }
  }

  function grow(): void {
    const larger = new Uint32Array(slots.length * 2);
    for (let at = 0; at < slots.length; at += 2) {
      const high = slots[at] as number;
      const low = slots[at + 1] as number;
      if (high === 0 && low === 0) continue;
      const to = slotOf(larger, high, low);
      larger[to] = high;
      larger[to + 1] = low;
    }
    slots = larger;
  }

  function find(path: string): { at: number; high: number; low: number } {
    if (path !== last.path) last = { path, ...hashOf(path) };
    const { high, low } = last;
    return { at: slotOf(slots, high, low), high, low };
  }

  return {
    has: (path) => size > 0 && slots[find(path).at] !== 0,
    add(path) {
      const { at, high, low } = find(path);
      if (slots[at] !== 0) return false;
      slots[at] = high;
      slots[at + 1] = low;
      size += 1;
      if (size > slots.length / 4) grow();
      return true;
    },
  };
}

function hashOf(path: string): { high: number; low: number } {
  const digest = createHash('sha256').update(path).digest();
  // Zero marks a free slot.
  return { high: digest.readUInt32LE(0) || 1, low: digest.readUInt32LE(4) };
}
