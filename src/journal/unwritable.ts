import { FAILURES, OUT_OF_FILES, UploadFailure } from '../core/errors.js';

const NO_DIRECTORY = 'not a directory';
const IN_ITS_PLACE =
  'Move the file that is in its place, or name another directory with --state-dir.';

/** The failure of a file of the journal, told in the system's words. */
export function unwritable(path: string, cause: unknown): UploadFailure {
  if (cause instanceof UploadFailure) return cause;
  const reason = told(cause);
  const message = `cannot write the journal ${path}: ${reason}`;
  return new UploadFailure('journal-unwritable', message, { cause, hint: hintOf(reason, cause) });
}

/** What is at fault: the journal, or only what it knows of one job. */
type JournalCode = 'journal-unwritable' | 'journal-unreadable';

/** The same for one that cannot be read: to take it for absent might make a second media. */
export function unreadable(
  path: string,
  cause: unknown,
  code: JournalCode = 'journal-unwritable',
): UploadFailure {
  if (cause instanceof UploadFailure) return cause;
  const reason = told(cause);
  const message = `cannot read the journal ${path}: ${reason}`;
  const hint =
    reason === NO_DIRECTORY
      ? IN_ITS_PLACE
      : 'Make it readable for this user, or name another state directory with --state-dir.';
  return outOfFiles(path, cause) ?? new UploadFailure(code, message, { cause, hint });
}

/** The same for a database that cannot be trusted, be it its file or, of a job, one of its records. */
export function damaged(
  file: string,
  cause?: unknown,
  code: JournalCode = 'journal-unwritable',
): UploadFailure {
  return new UploadFailure(code, `the journal ${file} is damaged`, {
    cause,
    isFinal: true,
    hint: `Move ${file} away, or restore it from a backup: without it, files that were uploaded before are uploaded again.`,
  });
}

/** Where too many files are open, the failure of the job alone that needs this one now. */
export function outOfFiles(path: string, cause: unknown): UploadFailure | undefined {
  if (!isOutOfFiles(cause)) return undefined;
  const message = `cannot open the journal ${path}: ${told(cause)}`;
  return new UploadFailure('too-many-open-files', message, { cause });
}

function hintOf(reason: string, cause: unknown): string {
  if (reason === NO_DIRECTORY) return IN_ITS_PLACE;
  return FAILURES[isOutOfFiles(cause) ? 'too-many-open-files' : 'journal-unwritable'].hint;
}

function isOutOfFiles(cause: unknown): boolean {
  return OUT_OF_FILES.has((cause as NodeJS.ErrnoException).code ?? '');
}

function told(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  // Node: "EACCES: permission denied, open '…'"; lmdb: "No space left on device: Attempting to …".
  const words = /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message.split(':')[0] ?? message;
  // A directory that cannot be made since a file has its name.
  if (/^file already exists$/i.test(words)) return NO_DIRECTORY;
  // What lmdb makes of a write that was cut short, which is what a full disk does first.
  const reason = /^input\/output error$/i.test(words)
    ? 'input/output error, or no space left on device'
    : words;
  return reason.toLowerCase();
}
