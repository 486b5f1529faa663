import path from 'node:path';
import type micromatch from 'micromatch';
import type { Problem } from '../core/errors.js';
import { LONGEST_PATH, visible } from '../core/text.js';
import { problemWithPattern } from './pattern-problem.js';
import { threadFs } from './quick-fs.js';

/** What the user does not want: decided by names alone, and stronger than any input. */
export interface Excludes {
  /** `relative`: below the input in which it was found; `shown`: as people see it. */
  file(relative: string, shown: string): boolean;
  directory(relative: string, shown: string): boolean;
  /** Whether `found`, or a directory between it and `base`, is not wanted. */
  below(base: string, found: string, isDirectory: boolean): boolean;
  /**
   * The same of a path that was named, with all directories that it is written with. Those of an absolute
   * one are for patterns that begin with a slash: nobody knows where what others mean begins.
   */
  named(shown: string, isDirectory: boolean): boolean;
}

/** What a pattern may give a meaning to. */
const WILD = /[\\*?[\](){}!+@]/;

/** See `Excludes`. */
type Pattern = (relative: string, shown: string, isDirectory: boolean) => boolean;

/**
 * A pattern without a slash matches a base name at any depth; one with a slash matches the whole path,
 * below its input or as written; one that begins with a slash and a name also what is at that place of
 * the file system or below it; one that ends with a slash matches only directories. One that makes no sense is added to
 * `problems`.
 */
export async function createExcludes(
  globs: readonly string[],
  cwd: string,
  problems: Problem[],
): Promise<Excludes> {
  const usable = globs.filter((glob) => {
    const problem = problemWith(glob);
    if (problem !== undefined) problems.push(problem);
    return problem === undefined;
  });
  // Patterns take their time to load, and most runs have none.
  const library = usable.length === 0 ? undefined : (await import('micromatch')).default;
  const patterns = library
    ? await Promise.all(usable.map((glob) => readPattern(glob, cwd, library)))
    : [];
  const excluded = (relative: string, shown: string, isDirectory: boolean): boolean =>
    patterns.some((matches) => matches(relative, shown, isDirectory));
  const below: Excludes['below'] = (base, found, isDirectory) => {
    // What is too long for a path is told as that.
    if (found.length > LONGEST_PATH) return false;
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
  if (/^!(?!\()/.test(withoutSlashes(glob))) {
    const message = `the pattern to exclude ${visible(glob)} begins with !: it would leave out all else`;
    const hint = String.raw`Leave it out, since what no pattern matches stays; a name that begins with ! is \!name.`;
    return { message, hint };
  }
  return problemWithPattern(glob);
}

/** Without slashes at its end; a place of the file system as the system writes it, since a variable may end with one. */
function withoutSlashes(glob: string): string {
  const plain = glob.startsWith('/') ? path.posix.normalize(glob) : glob.replace(/^\.\//, '');
  return plain.replace(/\/+$/, '');
}

async function readPattern(
  glob: string,
  cwd: string,
  { matcher, braces }: typeof micromatch,
): Promise<Pattern> {
  const directoriesOnly = glob.endsWith('/');
  const bare = withoutSlashes(glob);
  // Without the flag `s`, which the types take for a boolean, `**` stops at a line break in a name;
  // left alone, the matcher takes the range {1..12} for the characters 1 and 2.
  const expandRange = (...ends: unknown[]): string =>
    braces(`{${ends.slice(0, -1).join('..')}}`)[0] ?? '';
  const wanted: object = { dot: true, flags: 's', expandRange };
  const options = wanted as micromatch.Options;
  const isWanted = (isDirectory: boolean): boolean => isDirectory || !directoriesOnly;
  const asWritten = matcher(bare, options);
  if (!bare.includes('/')) {
    return (relative, _shown, isDirectory) =>
      isWanted(isDirectory) && asWritten(path.basename(relative));
  }
  const below = bare.startsWith('/') ? matcher(bare.slice(1), options) : asWritten;
  const matches: Pattern = (relative, shown, isDirectory) =>
    isWanted(isDirectory) && (below(relative) || below(shown) || asWritten(shown));
  // A wildcard at its beginning may match directories that nobody thought of.
  if (!/^\/[^/*?[(]+(\/|$)/.test(bare)) return matches;
  const places = [bare, await fromRealCwd(bare, cwd)];
  const inside = places.flatMap((at) => [matcher(at, options), matcher(`${at}/**`, options)]);
  return (relative, shown, isDirectory) => {
    const absolute = path.resolve(cwd, shown);
    const place = isWanted(isDirectory) ? absolute : path.dirname(absolute);
    return inside.some((has) => has(place)) || matches(relative, shown, isDirectory);
  };
}

/**
 * The same place from the real path of the working directory, or of one that it is in, where the pattern
 * leads there: `$PWD` may have links, and files are known without them.
 */
async function fromRealCwd(glob: string, cwd: string): Promise<string> {
  const names = glob.split('/');
  const wild = names.findIndex((name) => WILD.test(name));
  for (let count = wild < 0 ? names.length - 1 : wild; count > 1; count -= 1) {
    const directory = names.slice(0, count).join('/');
    // What is not there holds nothing to leave out.
    const real = await threadFs.realpath(directory).catch(() => undefined);
    if (real === undefined || !isAtOrAbove(real, cwd)) continue;
    const escaped = real.replace(new RegExp(WILD, 'g'), String.raw`\$&`);
    return path.join(escaped, ...names.slice(count));
  }
  return glob;
}

function isAtOrAbove(directory: string, cwd: string): boolean {
  return directory === cwd || cwd.startsWith(directory.replace(/\/?$/, '/'));
}
