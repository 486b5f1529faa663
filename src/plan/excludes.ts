import path from 'node:path';
import type micromatch from 'micromatch';
import type { Problem } from '../core/errors.js';
import { visible } from '../core/text.js';
import { problemWithPattern } from './pattern-problem.js';

/** What the user does not want: decided by names alone, and stronger than any input. */
export interface Excludes {
  /** `relative`: below the input in which it was found; `shown`: as people see it. */
  file(relative: string, shown: string): boolean;
  directory(relative: string, shown: string): boolean;
  /** Whether `found`, or a directory between it and `base`, is not wanted. */
  below(base: string, found: string, isDirectory: boolean): boolean;
  /**
   * The same of a path that was named, with all directories that it is written with. Those of an absolute
   * one say nothing: nobody knows where what was meant begins.
   */
  named(shown: string, isDirectory: boolean): boolean;
}

interface Pattern {
  readonly matches: (name: string) => boolean;
  readonly directoriesOnly: boolean;
  readonly on: 'basename' | 'path';
}

/**
 * A pattern without a slash matches a base name at any depth; one with a slash matches the whole path,
 * below its input or as written; one that ends with a slash matches only directories. One that makes no
 * sense is added to `problems`.
 */
export async function createExcludes(
  globs: readonly string[],
  problems: Problem[],
): Promise<Excludes> {
  const usable = globs.filter((glob) => {
    const problem = problemWith(glob);
    if (problem !== undefined) problems.push(problem);
    return problem === undefined;
  });
  // Patterns take their time to load, and most runs have none.
  const library = usable.length === 0 ? undefined : (await import('micromatch')).default;
  const patterns = library ? usable.map((glob) => readPattern(glob, library)) : [];
  const excluded = (relative: string, shown: string, isDirectory: boolean): boolean =>
    patterns.some((pattern) => {
      if (pattern.directoriesOnly && !isDirectory) return false;
      if (pattern.on === 'basename') return pattern.matches(path.basename(relative));
      return pattern.matches(relative) || pattern.matches(shown);
    });
  const below: Excludes['below'] = (base, found, isDirectory) => {
    const steps = path.relative(base, found).split('/');
    return steps.some((step, index) => {
      if (step === '' || step === '..') return false;
      const relative = steps.slice(0, index + 1).join('/');
      const isOuter = index < steps.length - 1;
      return excluded(relative, path.join(base, relative), isDirectory || isOuter);
    });
  };
  return {
    file: (relative, shown) => excluded(relative, path.normalize(shown), false),
    directory: (relative, shown) => excluded(relative, path.normalize(shown), true),
    below,
    named(shown, isDirectory) {
      if (!path.isAbsolute(shown)) return below('', shown, isDirectory);
      const whole = path.normalize(shown);
      return excluded(whole, whole, isDirectory);
    },
  };
}

function problemWith(glob: string): Problem | undefined {
  if (glob === '') {
    const message = 'a pattern to exclude is empty';
    return { message, hint: 'Check the variable that it comes from.' };
  }
  if (withoutSlashes(glob) === '') {
    const message = `the pattern to exclude ${visible(glob)} names nothing`;
    return { message, hint: 'Name a file or directory, or use * for all of them.' };
  }
  return problemWithPattern(glob);
}

function withoutSlashes(glob: string): string {
  return glob.replace(/^\.\//, '').replace(/\/+$/, '');
}

function readPattern(glob: string, { matcher, braces }: typeof micromatch): Pattern {
  const directoriesOnly = glob.endsWith('/');
  const bare = withoutSlashes(glob);
  // Without the flag `s`, which the types take for a boolean, `**` stops at a line break in a name;
  // left alone, the matcher takes the range {1..12} for the characters 1 and 2.
  const expandRange = (...ends: unknown[]): string =>
    braces(`{${ends.slice(0, -1).join('..')}}`)[0] ?? '';
  const wanted: object = { dot: true, flags: 's', expandRange };
  const options = wanted as micromatch.Options;
  if (!bare.includes('/')) {
    return { matches: matcher(bare, options), directoriesOnly, on: 'basename' };
  }
  if (!bare.startsWith('/')) {
    return { matches: matcher(bare, options), directoriesOnly, on: 'path' };
  }
  const asWritten = matcher(bare, options);
  const below = matcher(bare.slice(1), options);
  const matches = (name: string): boolean => (name.startsWith('/') ? asWritten(name) : below(name));
  return { matches, directoriesOnly, on: 'path' };
}
