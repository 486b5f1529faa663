import { readFileSync } from 'node:fs';

/** What a process may open at least, wherever it runs. */
const LEAST = 256;
/** The program, its journal, its manifest and its terminal. */
const OWN = 40;
/** A file in flight has itself open, a call to the API and a connection for its bytes. */
const EACH = 3;

/** How many files may be in flight, or connections open, within the limit of open files (ulimit -n). */
export function roomForFiles(): number {
  return Math.max(1, Math.floor((openFileLimit() - OWN) / EACH));
}

function openFileLimit(): number {
  try {
    const [, soft] =
      /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? LEAST : Number(soft);
  } catch {
    return LEAST;
  }
}
