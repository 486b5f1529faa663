import type fs from 'node:fs';
import path from 'node:path';
import { callbackify } from 'node:util';
import fastGlob from 'fast-glob';
import micromatch from 'micromatch';
import { isOfInterest, type Entry } from './entry.js';
import { createIsTwin, explain, notUtf8 } from './inspect.js';
import { threadFs } from './quick-fs.js';
import type { SearchOptions } from './walk.js';

export function isGlob(input: string): boolean {
  return fastGlob.isDynamicPattern(input);
}

/** Done here since fast-glob stops at ranges of 1000, and drops quotation marks and apostrophes. */
function expandBraces(pattern: string): string[] {
  const escaped = pattern.replace(/\\.|["'`]/gs, (found) =>
    found.length > 1 ? found : `\\${found}`,
  );
  const options = { expand: true, nodupes: true, keepEscaping: true, rangeLimit: Infinity };
  return micromatch
    .braces(escaped, options)
    .filter((name) => name !== '')
    .map((name) => name.replace(/\\(["'`])/g, '$1'));
}

/** Whether the pattern of one name begins with a dot, or has an alternative that does. */
function namesDot(pattern: string): boolean {
  return /^(?:\\?\.(?!\.?$)|[?*+@]?\((?:[^)]*\|)?\\?\.|\[(?![!^])[^\]]*\.)/.test(pattern);
}

/** Groups and classes at the beginning of a name take a dot, which `*` does not: unless it is named. */
function sparingHidden(pattern: string): string {
  return pattern
    .split('/')
    .map((name) => (/^(?:[!?*+@]?\(|\[)/.test(name) && !namesDot(name) ? `(?!\\.)${name}` : name))
    .join('/');
}

/** For fast-glob, which keeps directories in a plain object: `constructor` would be known to it already. */
function sparingPrototype(pattern: string): string {
  const [first = ''] = pattern.split('/', 1);
  return first in {} ? `./${pattern}` : pattern;
}

/**
 * The files that a pattern names, in no order, and what of it could not be read; undefined where the
 * pattern makes no sense.
 */
export async function expandGlob(
  pattern: string,
  options: SearchOptions,
  signal: AbortSignal,
): Promise<Entry[] | undefined> {
  const { cwd, excludes, ownDirectories } = options;
  const entries: Entry[] = [];
  const { base } = micromatch.scan(pattern);
  if (!path.isAbsolute(base) && excludes.named(base, true)) return [];
  const begins = path.resolve(cwd, base);
  const shownOf = (absolute: string): string =>
    pattern.startsWith('/') ? absolute : path.relative(cwd, absolute) || '.';
  const isWanted = (found: string): boolean =>
    isOfInterest(path.basename(found)) && !excludes.below(base, found, false);
  const told = new Set<string>();
  const twins = new Map<string, number>();
  const trouble: Trouble = {
    isWanted: (file) => isWanted(shownOf(file)),
    unreadable(absolute, error) {
      const shown = shownOf(absolute);
      const failure = explain(error, shown);
      if (failure.code === 'source-missing' || told.has(absolute)) return;
      told.add(absolute);
      entries.push({ path: shown, absolute, isNamed: false, failure });
    },
    twin: (absolute) => void twins.set(absolute, (twins.get(absolute) ?? 0) + 1),
    taken(absolute) {
      const shown = shownOf(absolute);
      for (let left = twins.get(absolute) ?? 0; left > 0; left -= 1) {
        entries.push({ path: shown, absolute, isNamed: false, failure: notUtf8(shown) });
      }
      twins.delete(absolute);
    },
  };
  const isPassedOver = async (directory: string): Promise<boolean> =>
    directory !== begins && ownDirectories.includes(await threadFs.realpath(directory));
  let stream: AsyncIterable<fastGlob.Entry>;
  try {
    stream = search(pattern, options, trouble, isPassedOver);
  } catch {
    // Both libraries have patterns that they throw on.
    return undefined;
  }
  for await (const { path: matched, dirent } of stream) {
    signal.throwIfAborted();
    const found = path.normalize(matched);
    if (dirent.isDirectory() || !isWanted(found)) continue;
    const absolute = path.resolve(cwd, found);
    entries.push({ path: found, absolute, isNamed: false });
    trouble.taken(absolute);
  }
  return entries;
}

/** Throws on patterns that make no sense. */
function search(
  pattern: string,
  { cwd, includeHidden, followSymlinks }: SearchOptions,
  trouble: Trouble,
  isPassedOver: (directory: string) => Promise<boolean>,
): AsyncIterable<fastGlob.Entry> {
  const patterns = expandBraces(pattern);
  const readsHidden = includeHidden || patterns.some((one) => one.split('/').some(namesDot));
  const spared = includeHidden ? patterns : patterns.map(sparingHidden);
  return fastGlob.stream(spared.map(sparingPrototype), {
    cwd,
    dot: includeHidden,
    followSymbolicLinks: followSymlinks,
    fs: carefulFileSystem(trouble, readsHidden, isPassedOver),
    objectMode: true,
    onlyFiles: false,
    suppressErrors: true,
  }) as AsyncIterable<fastGlob.Entry>;
}

/** Is told what a pattern may name and cannot have, by absolute paths. */
interface Trouble {
  /** Whether a file would be taken, were it there. */
  isWanted(file: string): boolean;
  unreadable(at: string, error: unknown): void;
  /** There is another name that reads the same: see `createIsTwin`. */
  twin(at: string): void;
  /** This file was taken, or this directory entered, and so would its twins be. */
  taken(at: string): void;
}

/**
 * Tells of what cannot be read, which fast-glob would stop at or pass over in silence, and does not
 * follow a symbolic link to a directory that contains it. Hidden names are shown only where the pattern
 * has some, since `**` would read every hidden directory.
 */
function carefulFileSystem(
  trouble: Trouble,
  readsHidden: boolean,
  isPassedOver: (directory: string) => Promise<boolean>,
): Partial<fastGlob.FileSystemAdapter> {
  const readdir = async (directory: string): Promise<fs.Dirent[]> => {
    if (await isPassedOver(directory).catch(() => false)) return [];
    trouble.taken(directory);
    const isTwin = createIsTwin();
    try {
      const entries = await threadFs.readdir(directory);
      return entries.filter(({ name }) => {
        if (!readsHidden && name.startsWith('.')) return false;
        if (!isTwin(name)) return true;
        trouble.twin(path.join(directory, name));
        return false;
      });
    } catch (error) {
      trouble.unreadable(directory, error);
      throw error;
    }
  };
  /** Is asked for what a pattern names without wildcards. */
  const lstat = async (file: string): Promise<fs.Stats> => {
    try {
      return await threadFs.lstat(file);
    } catch (error) {
      if (trouble.isWanted(file)) trouble.unreadable(file, error);
      throw error;
    }
  };
  /** Is asked for what is behind a symbolic link; one that cannot be followed is told as any file is. */
  const stat = async (link: string): Promise<fs.Stats> => {
    try {
      const stats = await threadFs.stat(link);
      if (!stats.isDirectory() || !(await isCyclic(link))) return stats;
    } catch (error) {
      // It may lead to a directory.
      const isUnknown = explain(error, link).rule.retryable && !isOfInterest(path.basename(link));
      if (isUnknown) trouble.unreadable(link, error);
    }
    return threadFs.lstat(link);
  };
  const adapter: object = {
    lstat: callbackify(lstat),
    readdir: (
      directory: string,
      _options: object,
      done: (error: Error, entries: fs.Dirent[]) => void,
    ) => callbackify(readdir)(directory, done),
    stat: callbackify(stat),
  };
  return adapter;
}

/** Whether a directory's real path is that of one of the directories on the way to it. */
async function isCyclic(directory: string): Promise<boolean> {
  const real = await threadFs.realpath(directory);
  for (let outer = path.dirname(directory); ; outer = path.dirname(outer)) {
    if ((await threadFs.realpath(outer)) === real) return true;
    if (outer === path.dirname(outer)) return false;
  }
}
