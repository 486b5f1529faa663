import path from 'node:path';
import type { UploadFailure } from '../core/errors.js';
import { indexImages, pairedStems, type ImageIndex } from './covers.js';
import { isOfInterest, type Entry } from './entry.js';
import type { Excludes } from './excludes.js';
import {
  assertLinkAnswers,
  createIsTwin,
  explain,
  notUtf8,
  type RealDirectory,
} from './inspect.js';
import { extensionOf, isImageType, isMediaType, isPlaylistType, stemOf } from './media-types.js';
import { claimFiles, type Claims } from './playlist.js';
import { readDirectory, threadFs } from './quick-fs.js';

/** Where files are looked for, and how. */
export interface SearchOptions {
  readonly cwd: string;
  readonly excludes: Excludes;
  readonly includeHidden: boolean;
  readonly followSymlinks: boolean;
  /** Real paths of directories that are passed over unless they are named, or a pattern begins in them. */
  readonly ownDirectories: readonly string[];
  readonly realDirectory: RealDirectory;
}

export interface WalkOptions extends SearchOptions {
  /** Overrides what the extension says. */
  readonly mediaType: string | undefined;
  /** Files that playlists named elsewhere carry along; without it those of the walk claim none, either. */
  readonly claimed?: Claims;
}

/** One directory that is being walked. */
interface Level {
  readonly shown: string;
  readonly absolute: string;
  readonly relative: string;
  readonly realPath: string;
  /** Sorted; directories end with a slash, so that this is the order of whole paths. */
  readonly names: readonly string[];
  next: number;
  readonly images: ImageIndex;
  /** Of playlists named elsewhere, and of those in this directory and the ones around it. */
  readonly claims: readonly Claims[];
  /** What cannot be looked at: links to disks that do not answer, names that are not UTF-8. */
  readonly failed: readonly Entry[];
}

type Place = Pick<Level, 'shown' | 'absolute' | 'relative'>;

/**
 * Everything of interest below a directory, in the order of paths, one directory in memory for each
 * level of depth. Files that a playlist of the walk carries along are left out. Images that pair with
 * a media of their directory come last in it, when it is known whether they serve as its cover.
 */
export async function* walk(
  shown: string,
  absolute: string,
  options: WalkOptions,
  signal: AbortSignal,
): AsyncGenerator<Entry, void, undefined> {
  const stack: Level[] = [];

  async function* enter(place: Place): AsyncGenerator<Entry, void, undefined> {
    try {
      const realPath = await threadFs.realpath(place.absolute);
      const isOwn = place.relative !== '' && options.ownDirectories.includes(realPath);
      // A symbolic link back to a directory that we are in.
      const isCyclic = stack.some((outer) => outer.realPath === realPath);
      if (isOwn || isCyclic) return;
      const level = await openLevel(place, realPath, stack.at(-1)?.claims, options);
      stack.push(level);
      yield* level.failed;
    } catch (error) {
      yield failedEntry(place, explain(error, place.shown));
    }
  }

  yield* enter({ shown, absolute, relative: '' });
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    signal.throwIfAborted();
    const name = level.names[level.next++];
    if (name === undefined) {
      stack.pop();
    } else if (name.endsWith('/')) {
      yield* enter(placeOf(level, name.slice(0, -1)));
    } else {
      const { shown: file, absolute: at } = placeOf(level, name);
      const { claims } = level;
      if (claims.some((claimed) => claimed.has(at))) continue;
      const entry = { path: file, absolute: at, isNamed: false, images: level.images } as const;
      const failure = claims.map((claimed) => claimed.doubt(file, at)).find(Boolean);
      yield failure === undefined ? entry : { ...entry, failure };
    }
  }
}

function placeOf(directory: Place, name: string): Place {
  return {
    shown: path.join(directory.shown, name),
    absolute: `${directory.absolute === '/' ? '' : directory.absolute}/${name}`,
    relative: directory.relative === '' ? name : `${directory.relative}/${name}`,
  };
}

async function openLevel(
  place: Place,
  realPath: string,
  outer: readonly Claims[] | undefined,
  options: WalkOptions,
): Promise<Level> {
  const { claimed, realDirectory } = options;
  const failed: Entry[] = [];
  const names = await listNames(place, options, failed);
  const typeOf = (name: string): string => options.mediaType ?? extensionOf(name);
  const playlists =
    claimed === undefined
      ? []
      : names
          .filter((name) => !name.endsWith('/') && isMediaType(extensionOf(name)))
          .filter((name) => isPlaylistType(typeOf(name)))
          .map((name) => ({ absolute: path.join(place.absolute, name), type: typeOf(name) }));
  const claims = outer ?? (claimed === undefined ? [] : [claimed]);
  const images = indexImages(names);
  return {
    ...place,
    realPath,
    names: pairedImagesLast(names.sort(), images),
    next: 0,
    images,
    claims:
      playlists.length === 0 ? claims : [...claims, await claimFiles(playlists, realDirectory)],
    failed,
  };
}

function failedEntry({ shown, absolute }: Place, failure: UploadFailure): Entry {
  return { path: shown, absolute, isNamed: false, failure };
}

/** What cannot be looked at, but may be of interest, goes to `failed`. */
async function listNames(place: Place, options: WalkOptions, failed: Entry[]): Promise<string[]> {
  const { excludes, includeHidden, followSymlinks, realDirectory } = options;
  const names: string[] = [];
  const isTwin = createIsTwin();
  const isWanted = ({ shown, relative }: Place, isDirectory: boolean): boolean =>
    (isDirectory || isOfInterest(path.basename(shown))) &&
    !excludes.has(relative, shown, isDirectory);
  for await (const entries of readDirectory(place.absolute)) {
    for (const found of entries) {
      const { name } = found;
      if (!includeHidden && name.startsWith('.')) continue;
      const inside = placeOf(place, name);
      const isDirectory =
        found.isDirectory() ||
        (followSymlinks &&
          found.isSymbolicLink() &&
          (await isDirectoryBehind(inside, realDirectory, failed)));
      if (!isWanted(inside, isDirectory)) continue;
      if (isTwin(name)) failed.push(failedEntry(inside, notUtf8(inside.shown)));
      else names.push(isDirectory ? `${name}/` : name);
    }
  }
  return names;
}

async function isDirectoryBehind(
  link: Place,
  realDirectory: RealDirectory,
  failed: Entry[],
): Promise<boolean> {
  try {
    await assertLinkAnswers(link.absolute, realDirectory);
    return (await threadFs.stat(link.absolute)).isDirectory();
  } catch (error) {
    const failure = explain(error, link.shown);
    const isUnknown = failure.rule.retryable && !isOfInterest(path.basename(link.absolute));
    if (isUnknown) failed.push(failedEntry(link, failure));
    return false;
  }
}

function pairedImagesLast(names: string[], images: ImageIndex): string[] {
  if (images.size === 0) return names;
  const mediaStems = new Set(
    names.filter((name) => isMediaType(extensionOf(name))).map((name) => stemOf(name)),
  );
  const isPaired = (name: string): boolean =>
    isImageType(extensionOf(name)) &&
    pairedStems(stemOf(name)).some((stem) => mediaStems.has(stem));
  return [...names.filter((name) => !isPaired(name)), ...names.filter(isPaired)];
}
