/** Says the first few things of a kind and counts the rest, so that a million files cannot flood. */
export interface Warnings {
  add(kind: WarningKind, message: string): void;
  /** Says how many were kept back. */
  flush(): void;
}

type WarningKind = 'names changed' | 'covers passed over' | 'directories walked again';

const SHOWN_OF_A_KIND = 10;

export function createWarnings(warn: (message: string) => void): Warnings {
  const counts = new Map<WarningKind, number>();
  return {
    add(kind, message) {
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      if (count <= SHOWN_OF_A_KIND) warn(message);
    },
    flush() {
      for (const [kind, count] of counts) {
        if (count > SHOWN_OF_A_KIND) warn(`${kind}: and ${count - SHOWN_OF_A_KIND} more`);
      }
      counts.clear();
    },
  };
}
