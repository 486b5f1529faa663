import { readFileSync } from 'node:fs';
import { usageError } from '../core/errors.js';

/** What a process may open at least, wherever it runs. */
const LEAST = 256;
/** The program, its journal, its manifest and its terminal. */
const OWN = 40;
/** A file in flight has itself open, a call to the API and a connection for its bytes. */
const EACH = 3;

/** Throws UsageError where not even one file could be uploaded within the limit of open files. */
export function assertOpenFileLimit(): void {
  const [limit, least] = [openFileLimit(), OWN + EACH];
  if (limit >= least) return;
  throw usageError(
    `the limit of open files is too low: ${limit}`,
    `Raise it to ${least} or more (ulimit -n).`,
  );
}

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
