import path from 'node:path';
import type micromatch from 'micromatch';
import type { Problem } from '../core/errors.js';
import { LONGEST_PATH, visible } from '../core/text.js';
import { problemWithPattern } from './pattern-problem.js';
import { threadFs } from './quick-fs.js';

/** What the user does not want: decided by names alone, and stronger than any input. */
export interface Excludes {
  /** `relative`: below the input in which it was found; `shown`: as people see it. */
  has(relative: string, shown: string, isDirectory: boolean): boolean;
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
/** The same, and what else the matcher does not take as it stands: quotes, alternatives, one more `./`. */
const NOT_LITERAL = new RegExp(`^\\./|["|]|${WILD.source}`);

/** What is asked about: see `Excludes`. */
interface Found {
  readonly relative: string;
  readonly shown: string;
  readonly name: string;
  readonly absolute: string;
  readonly isDirectory: boolean;
}

type Pattern = (found: Found) => boolean;

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
  const realOf = createRealOf();
  const literal = await readLiterals(
    usable.filter((glob) => !isWild(glob)),
    cwd,
    realOf,
  );
  const wild = await readPatterns(usable.filter(isWild), cwd, realOf);
  const patterns = [literal, ...wild];
  const excluded = (relative: string, shown: string, isDirectory: boolean): boolean => {
    if (usable.length === 0 || shown.length > LONGEST_PATH) return false;
    const [name, absolute] = [path.basename(relative), path.resolve(cwd, shown)];
    const found = { relative, shown, name, absolute, isDirectory };
    return patterns.some((matches) => matches(found));
  };
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
    has: (relative, shown, isDirectory) => excluded(relative, path.normalize(shown), isDirectory),
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
  const plain = glob.replace(/^\.\//, '');
  return (plain.startsWith('/') ? path.posix.normalize(plain) : plain).replace(/\/+$/, '');
}

function isWild(glob: string): boolean {
  return NOT_LITERAL.test(withoutSlashes(glob));
}

/** All patterns that stand for themselves as one, which takes no longer for many. */
async function readLiterals(
  globs: readonly string[],
  cwd: string,
  realOf: RealOf,
): Promise<Pattern> {
  // What is for directories only ends with a slash.
  const names = new Set<string>();
  const paths = new Set<string>();
  let hasPlaces = false;
  for (const glob of globs) {
    const bare = withoutSlashes(glob);
    const end = glob.endsWith('/') ? '/' : '';
    if (!bare.includes('/')) {
      names.add(bare + end);
      continue;
    }
    paths.add(bare + end);
    if (!bare.startsWith('/')) continue;
    hasPlaces = true;
    paths.add(bare.slice(1) + end);
    const { real, rest } = await realPlaceOf(bare, cwd, realOf);
    paths.add(path.join(real, rest) + end);
  }
  const has = (set: ReadonlySet<string>, path: string, isDirectory: boolean): boolean =>
    set.has(path) || (isDirectory && set.has(`${path}/`));
  const isWithin = (directory: string): boolean =>
    has(paths, directory, true) || (directory !== '/' && isWithin(path.dirname(directory)));
  return ({ relative, shown, name, absolute, isDirectory }) =>
    has(names, name, isDirectory) ||
    has(paths, relative, isDirectory) ||
    has(paths, shown, isDirectory) ||
    (hasPlaces && (has(paths, absolute, isDirectory) || isWithin(path.dirname(absolute))));
}

async function readPatterns(
  globs: readonly string[],
  cwd: string,
  realOf: RealOf,
): Promise<Pattern[]> {
  // Patterns take their time to load, and most runs have none.
  if (globs.length === 0) return [];
  const { default: library } = await import('micromatch');
  return Promise.all(globs.map((glob) => readPattern(glob, cwd, realOf, library)));
}

async function readPattern(
  glob: string,
  cwd: string,
  realOf: RealOf,
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
    return ({ name, isDirectory }) => isWanted(isDirectory) && asWritten(name);
  }
  const below = bare.startsWith('/') ? matcher(bare.slice(1), options) : asWritten;
  const matches: Pattern = ({ relative, shown, isDirectory }) =>
    isWanted(isDirectory) && (below(relative) || below(shown) || asWritten(shown));
  // A wildcard at its beginning may match directories that nobody thought of.
  if (!/^\/[^/*?[(]+(\/|$)/.test(bare)) return matches;
  const { real, rest } = await realPlaceOf(bare, cwd, realOf);
  const escaped = real.replace(new RegExp(WILD, 'g'), String.raw`\$&`);
  const places = [bare, path.join(escaped, rest)];
  const inside = places.flatMap((at) => [matcher(at, options), matcher(`${at}/**`, options)]);
  return (found) => {
    const place = isWanted(found.isDirectory) ? found.absolute : path.dirname(found.absolute);
    return inside.some((has) => has(place)) || matches(found);
  };
}

/** The real path of a directory; undefined where it is not there. */
type RealOf = (directory: string) => Promise<string | undefined>;

/** Remembers, since many patterns may begin in the same few directories. */
function createRealOf(): RealOf {
  const known = new Map<string, Promise<string | undefined>>();
  return (directory) => {
    const real = known.get(directory) ?? threadFs.realpath(directory).catch(() => undefined);
    known.set(directory, real);
    return real;
  };
}

/**
 * The same place from the real path of the working directory, or of one that it is in, where the pattern
 * leads there: `$PWD` may have links, and files are known without them.
 */
async function realPlaceOf(
  bare: string,
  cwd: string,
  realOf: RealOf,
): Promise<{ readonly real: string; readonly rest: string }> {
  const names = bare.split('/');
  const wild = names.findIndex((name) => WILD.test(name));
  for (let count = wild < 0 ? names.length - 1 : wild; count > 1; count -= 1) {
    // What is not there holds nothing to leave out.
    const real = await realOf(names.slice(0, count).join('/'));
    if (real !== undefined && isAtOrAbove(real, cwd)) {
      return { real, rest: names.slice(count).join('/') };
    }
  }
  return { real: '/', rest: bare };
}

function isAtOrAbove(directory: string, cwd: string): boolean {
  return directory === cwd || cwd.startsWith(directory.replace(/\/?$/, '/'));
}
