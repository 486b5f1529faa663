import path from 'node:path';
import type { SourceFile } from '../core/model.js';
import { visible } from '../core/text.js';
import type { Excludes } from './excludes.js';
import { assertAnswering, explain, inspect, type RealDirectory } from './inspect.js';
import { extensionOf, imageTypeRank, isImageType, stemOf } from './media-types.js';
import type { Warnings } from './warnings.js';
import { threadFs } from './quick-fs.js';

/** The images of one directory by stem, those of the preferred type first. */
export type ImageIndex = ReadonlyMap<string, readonly string[]>;

export interface Cover {
  readonly file: SourceFile;
  readonly changedAtMs: number;
}

export interface CoverFinder {
  /**
   * The cover of the media at this path. `images`: what is in its directory, where that is known. Throws
   * UploadFailure where another try may find one.
   */
  find(shown: string, absolute: string, images?: ImageIndex): Promise<Cover | undefined>;
  /** Whether this image is a cover whatever it pairs with: that of `--cover`. */
  isGiven(absolute: string): boolean;
}

export interface CoverSettings {
  readonly mode: 'auto' | 'off' | 'required';
  /** `--cover`, already inspected. */
  readonly cover?: Cover & { readonly absolute: string };
  readonly coverDir?: {
    readonly shown: string;
    readonly absolute: string;
    readonly realPath: string;
  };
}

/** However many images are in them. */
const REMEMBERED_DIRECTORIES = 64;
/** More directories are remembered until they and the stems of their images are as many as this. */
const REMEMBERED_STEMS = 65_536;

/** The stems that pair with a media called `stem`, in the order in which they are preferred. */
function coverStems(stem: string): string[] {
  return [stem, `${stem}.cover`, `${stem}-cover`];
}

/** The stems of the media that an image called `stem` pairs with. */
export function pairedStems(stem: string): string[] {
  return [stem, stem.replace(/[.-]cover$/, '')];
}

export function indexImages(names: Iterable<string>): ImageIndex {
  const index = new Map<string, string[]>();
  for (const name of names) {
    if (!isImageType(extensionOf(name))) continue;
    const stem = stemOf(name);
    const same = index.get(stem);
    if (same === undefined) index.set(stem, [name]);
    else same.push(name);
  }
  for (const same of index.values()) same.sort(byPreference);
  return index;
}

function byPreference(one: string, other: string): number {
  const rank = imageTypeRank(extensionOf(one)) - imageTypeRank(extensionOf(other));
  return rank !== 0 ? rank : one < other ? -1 : 1;
}

/** The images in a directory; none where it may not be read. Throws what another try may not meet. */
async function listImages(
  shown: string,
  absolute: string,
  excludes: Excludes,
  realDirectory: RealDirectory,
  warnings: Warnings,
): Promise<ImageIndex> {
  try {
    await assertAnswering(realDirectory(absolute));
    const names = await threadFs.names(absolute);
    return indexImages(
      names.filter((name) => {
        if (!isImageType(extensionOf(name))) return false;
        const image = path.join(shown, name);
        return !excludes.has(image, image, false);
      }),
    );
  } catch (error) {
    const failure = explain(error, shown);
    if (failure.rule.retryable) throw failure;
    if (failure.code !== 'source-missing') {
      warnings.add('covers passed over', `${failure.message}: no cover is taken from there`);
    }
    return new Map();
  }
}

/** Reads a directory again only long after it was asked for last: a list may name files in any order. */
function remembering(
  list: (shown: string, absolute: string) => Promise<ImageIndex>,
): (shown: string, absolute: string) => Promise<ImageIndex> {
  /** What was asked for last is at the end. */
  const known = new Map<string, { readonly images: Promise<ImageIndex>; size: number }>();
  let size = 0;

  function forget(absolute: string): void {
    size -= known.get(absolute)?.size ?? 0;
    known.delete(absolute);
  }

  function forgetOldest(): void {
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED_DIRECTORIES || size <= REMEMBERED_STEMS) return;
      forget(oldest);
    }
  }

  return (shown, absolute) => {
    const before = known.get(absolute);
    const one = before ?? { images: list(shown, absolute), size: 0 };
    known.delete(absolute);
    known.set(absolute, one);
    if (before !== undefined) return before.images;
    one.images.then(
      (index) => {
        if (known.get(absolute) !== one) return;
        one.size = 1 + index.size;
        size += one.size;
        forgetOldest();
      },
      () => forget(absolute),
    );
    return one.images;
  };
}

/**
 * Pairs media with covers: `--cover` for all; otherwise the media's own directory, then `--cover-dir`;
 * in each `a.*`, `a.cover.*`, `a-cover.*`, and of one stem jpg before jpeg, png, gif, bmp and the rest.
 */
export function createCoverFinder(
  settings: CoverSettings,
  excludes: Excludes,
  realDirectory: RealDirectory,
  warnings: Warnings,
): CoverFinder {
  const { mode, cover, coverDir } = settings;
  const imagesOf = remembering((shown, absolute) =>
    listImages(shown, absolute, excludes, realDirectory, warnings),
  );

  async function firstUsable(
    images: ImageIndex,
    stem: string,
    shownDirectory: string,
    absoluteDirectory: string,
  ): Promise<Cover | undefined> {
    for (const name of coverStems(stem).flatMap((candidate) => images.get(candidate) ?? [])) {
      const shown = path.join(shownDirectory, name);
      const found = await inspect(shown, path.join(absoluteDirectory, name), realDirectory);
      if (found.kind === 'file' && found.file.size > 0) return found;
      if (found.kind === 'directory') continue;
      if (found.kind === 'unusable' && found.failure.rule.retryable) throw found.failure;
      const reason = found.kind === 'file' ? 'it is empty' : found.failure.message;
      warnings.add('covers passed over', `${visible(shown)} is not used as a cover: ${reason}`);
    }
    return undefined;
  }

  return {
    isGiven: (absolute) => absolute === cover?.absolute,
    async find(shown, absolute, images) {
      if (mode === 'off') return undefined;
      if (cover !== undefined) return cover;
      const stem = stemOf(path.basename(absolute));
      const beside = path.dirname(absolute);
      const shownBeside = path.dirname(shown);
      const near = images ?? (await imagesOf(shownBeside, beside));
      const own = await firstUsable(near, stem, shownBeside, beside);
      if (own !== undefined || coverDir === undefined) return own;
      const far = await imagesOf(coverDir.shown, coverDir.absolute);
      return firstUsable(far, stem, coverDir.shown, coverDir.absolute);
    },
  };
}
