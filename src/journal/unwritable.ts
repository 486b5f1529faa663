import { UploadFailure } from '../core/errors.js';

/** The failure of a file of the journal, told in the system's words. */
export function unwritable(path: string, cause: unknown): UploadFailure {
  if (cause instanceof UploadFailure) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  // Node: "EACCES: permission denied, open '…'"; lmdb: "No space left on device: Attempting to …".
  const told = /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message.split(':')[0] ?? message;
  // What lmdb makes of a write that was cut short, which is what a full disk does first.
  const reason = /^input\/output error$/i.test(told)
    ? 'input/output error, or no space left on device'
    : told;
  return new UploadFailure(
    'journal-unwritable',
    `cannot write the journal ${path}: ${reason.toLowerCase()}`,
    { cause },
  );
}
