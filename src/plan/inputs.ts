import path from 'node:path';
import type { Problem, UploadFailure } from '../core/errors.js';
import { isUrl } from '../core/text.js';
import type { Entry } from './entry.js';
import { inspectNamed } from './inspect.js';
import { mapAhead } from './map-ahead.js';
import { problemWithPattern, unreadablePattern } from './pattern-problem.js';
import type { SearchOptions } from './walk.js';

/** A directory that was named, to be walked. */
export interface NamedDirectory {
  readonly path: string;
  readonly absolute: string;
}

/** What an argument stands for. */
export type Input =
  | { readonly kind: 'directory'; readonly directory: NamedDirectory }
  | { readonly kind: 'entry'; readonly entry: Entry };

const INPUTS_AHEAD = 32;

/**
 * Reads arguments: what exists is a path, whatever characters it has; else a glob; else a problem.
 * The result is in the order of paths.
 */
export async function readInputs(
  inputs: readonly string[],
  options: SearchOptions,
  problems: Problem[],
  onEmptyGlob: (glob: string) => void,
  signal: AbortSignal,
): Promise<Input[]> {
  const read: Input[] = [];
  const each = mapAhead(inputs, INPUTS_AHEAD, (input) => readInput(input, options, signal));
  for await (const found of each) {
    signal.throwIfAborted();
    if ('message' in found) problems.push(found);
    else if ('emptyGlob' in found) onEmptyGlob(found.emptyGlob);
    else for (const input of found) read.push(input);
  }
  return sortByPath(read);
}

async function readInput(
  input: string,
  options: SearchOptions,
  signal: AbortSignal,
): Promise<Input[] | { readonly emptyGlob: string } | Problem> {
  if (input === '') {
    return { message: 'an input is empty', hint: 'Check the variable that it comes from.' };
  }
  const { cwd, excludes, realDirectory } = options;
  const absolute = path.resolve(cwd, input);
  const inspection = await inspectNamed(input, withSlashOf(input, absolute), realDirectory);
  if (inspection.kind === 'directory') {
    if (excludes.named(input, true)) return [];
    return [{ kind: 'directory', directory: { path: input, absolute } }];
  }
  if (inspection.kind === 'unusable' && isMissing(inspection.failure) && !isUrl(input)) {
    // Patterns take 50 ms to load, and most runs have none.
    const { expandGlob, isGlob } = await import('./glob.js');
    if (isGlob(input)) {
      const problem = problemWithPattern(input);
      if (problem !== undefined) return problem;
      const entries = await expandGlob(input, options, signal);
      if (entries === undefined) return unreadablePattern(input);
      if (entries.length === 0) return { emptyGlob: input };
      return entries.map((entry) => ({ kind: 'entry', entry }));
    }
  }
  if (excludes.named(input, false)) return [];
  return [{ kind: 'entry', entry: { path: input, absolute, isNamed: true, inspection } }];
}

/** `a.mp4/` is not the file `a.mp4`. */
function withSlashOf(input: string, absolute: string): string {
  return input.endsWith('/') && absolute !== '/' ? `${absolute}/` : absolute;
}

/** Nothing is there, not even a symbolic link. */
function isMissing(failure: UploadFailure): boolean {
  const { cause } = failure.facts;
  const { code, syscall } = (cause ?? {}) as NodeJS.ErrnoException;
  return syscall === 'lstat' && code !== 'EACCES' && code !== 'EPERM';
}

/** Directories as if their names ended with a slash, which is where their files belong. */
function sortByPath(inputs: readonly Input[]): Input[] {
  return inputs
    .map((input) => ({ input, key: sortKey(input) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ input }) => input);
}

function sortKey(input: Input): string {
  return path.normalize(input.kind === 'entry' ? input.entry.path : `${input.directory.path}/`);
}
