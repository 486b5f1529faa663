import type fs from 'node:fs';
import path from 'node:path';
import { callbackify } from 'node:util';
import fastGlob from 'fast-glob';
import micromatch from 'micromatch';
import { UploadFailure } from '../core/errors.js';
import { isOfInterest, type Entry } from './entry.js';
import type { Excludes } from './excludes.js';
import { explain } from './inspect.js';
import { threadFs } from './quick-fs.js';

export interface GlobOptions {
  readonly cwd: string;
  readonly excludes: Excludes;
  readonly includeHidden: boolean;
  readonly followSymlinks: boolean;
  /** Real paths of directories that are entered only where a pattern begins in them. */
  readonly ownDirectories: readonly string[];
}

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

/** The files that a pattern names, in the order of their paths, and the directories that it could not read. */
export async function expandGlob(
  pattern: string,
  options: GlobOptions,
  signal: AbortSignal,
): Promise<Entry[]> {
  const { cwd, excludes, includeHidden, followSymlinks, ownDirectories } = options;
  const entries: Entry[] = [];
  const unreadable = (directory: string, error: Error): void => {
    const shown = pattern.startsWith('/') ? directory : path.relative(cwd, directory) || '.';
    const failure = explain(error, shown);
    entries.push({ path: shown, absolute: directory, origin: 'glob', failure });
  };
  const { base } = micromatch.scan(pattern);
  const begins = path.resolve(cwd, base);
  const isPassedOver = async (directory: string): Promise<boolean> =>
    directory !== begins && ownDirectories.includes(await threadFs.realpath(directory));
  const patterns = expandBraces(pattern);
  const readsHidden = includeHidden || patterns.some((one) => one.split('/').some(namesDot));
  const stream = fastGlob.stream(includeHidden ? patterns : patterns.map(sparingHidden), {
    cwd,
    dot: includeHidden,
    followSymbolicLinks: followSymlinks,
    fs: carefulFileSystem(unreadable, readsHidden, isPassedOver),
    objectMode: true,
    onlyFiles: false,
    suppressErrors: true,
  }) as AsyncIterable<fastGlob.Entry>;
  for await (const { path: matched, name, dirent } of stream) {
    signal.throwIfAborted();
    const found = path.normalize(matched);
    if (dirent.isDirectory() || !isOfInterest(name)) continue;
    if (isExcludedBelow(base, found, excludes)) continue;
    entries.push({ path: found, absolute: path.resolve(cwd, found), origin: 'glob' });
  }
  return entries;
}

/** A file is excluded by its own name or by that of a directory between it and the pattern's fixed part. */
function isExcludedBelow(base: string, found: string, excludes: Excludes): boolean {
  const relative = path.relative(base, found);
  if (excludes.file(relative, found)) return true;
  const steps = relative.split('/').slice(0, -1);
  return steps.some((_, index) => {
    const directory = steps.slice(0, index + 1).join('/');
    return excludes.directory(directory, path.join(base, directory));
  });
}

/**
 * Tells of directories that cannot be read, which fast-glob would stop at or pass over in silence, and
 * does not follow a symbolic link to a directory that contains it. Hidden names are shown only where the
 * pattern has some, since `**` would read every hidden directory.
 */
function carefulFileSystem(
  unreadable: (directory: string, error: Error) => void,
  readsHidden: boolean,
  isPassedOver: (directory: string) => Promise<boolean>,
): Partial<fastGlob.FileSystemAdapter> {
  const readdir = async (directory: string): Promise<fs.Dirent[]> => {
    if (await isPassedOver(directory).catch(() => false)) return [];
    try {
      const entries = await threadFs.readdir(directory);
      return entries.filter(({ name }) => readsHidden || !name.startsWith('.'));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') unreadable(directory, error as Error);
      throw error;
    }
  };
  /** fast-glob passes over a path in silence that it asks for and cannot have. */
  const told = new Set<string>();
  const asked = async (ask: typeof threadFs.stat, file: string): Promise<fs.Stats> => {
    try {
      return await ask(file);
    } catch (error) {
      if (error instanceof UploadFailure && !told.has(file)) unreadable(file, error);
      told.add(file);
      throw error;
    }
  };
  const stat = async (file: string): Promise<fs.Stats> => {
    const stats = await asked(threadFs.stat, file);
    if (stats.isDirectory() && (await isCyclic(file))) throw new Error('cyclic symbolic link');
    return stats;
  };
  const adapter: object = {
    lstat: callbackify((file: string) => asked(threadFs.lstat, file)),
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
