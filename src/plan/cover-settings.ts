import path from 'node:path';
import { UploadFailure, type Problem } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { Cover, CoverSettings } from './covers.js';
import { explain, inspect, type RealDirectory } from './inspect.js';
import { extensionOf, isImageType } from './media-types.js';
import { threadFs } from './quick-fs.js';

export interface CoverOptions {
  readonly cwd: string;
  readonly covers?: 'auto' | 'off' | 'required';
  readonly cover?: string;
  readonly coverDir?: string;
  readonly media: { readonly coverType?: string };
}

/** Checks what the flags say about covers. */
export async function readCoverSettings(
  options: CoverOptions,
  realDirectory: RealDirectory,
  problems: Problem[],
): Promise<CoverSettings> {
  checkCombination(options, problems);
  const cover = await readCover(options, realDirectory, problems);
  const coverDir = await readCoverDir(options, problems);
  return {
    mode: options.covers ?? 'auto',
    ...(cover === undefined ? {} : { cover }),
    ...(coverDir === undefined ? {} : { coverDir }),
  };
}

function checkCombination({ covers, cover, coverDir }: CoverOptions, problems: Problem[]): void {
  if (cover !== undefined && coverDir !== undefined) {
    const message = '--cover and --cover-dir contradict each other';
    problems.push({ message, hint: 'Use one of them.' });
  }
  if (covers === 'off' && (cover ?? coverDir) !== undefined) {
    const flag = cover === undefined ? '--cover-dir' : '--cover';
    problems.push({ message: `${flag} contradicts --covers off`, hint: 'Use one of them.' });
  }
}

async function readCover(
  { cwd, cover, media }: CoverOptions,
  realDirectory: RealDirectory,
  problems: Problem[],
): Promise<CoverSettings['cover']> {
  if (cover === undefined) return undefined;
  const absolute = path.resolve(cwd, cover);
  try {
    return { ...(await readGivenCover(cover, absolute, media.coverType, realDirectory)), absolute };
  } catch (error) {
    if (!(error instanceof UploadFailure)) throw error;
    problems.push({
      message: error.message,
      hint: error.facts.hint ?? 'Name an image with --cover.',
    });
    return undefined;
  }
}

async function readCoverDir(
  { cwd, coverDir }: CoverOptions,
  problems: Problem[],
): Promise<CoverSettings['coverDir']> {
  if (coverDir === undefined) return undefined;
  const absolute = path.resolve(cwd, coverDir);
  const hint = 'Name a directory of images with --cover-dir.';
  try {
    const stats = await threadFs.stat(absolute);
    if (stats.isDirectory()) {
      await threadFs.names(absolute);
      return { shown: coverDir, absolute, realPath: await threadFs.realpath(absolute) };
    }
    problems.push({ message: `${visible(coverDir)} is not a directory`, hint });
  } catch (error) {
    problems.push({ message: explain(error, coverDir).message, hint });
  }
  return undefined;
}

/**
 * The cover that a flag or a row names, whatever its extension where its type is named too. Throws
 * UploadFailure.
 */
export async function readGivenCover(
  shown: string,
  absolute: string,
  coverType: string | undefined,
  realDirectory: RealDirectory,
): Promise<Cover> {
  const found = await inspect(shown, absolute, realDirectory);
  if (found.kind === 'unusable') throw found.failure;
  if (found.kind === 'directory') {
    const message = `the cover ${visible(shown)} is a directory`;
    throw new UploadFailure('source-invalid', message, { hint: 'Name an image instead.' });
  }
  if (found.file.size === 0) {
    const message = `the cover ${visible(shown)} is empty`;
    throw new UploadFailure('source-invalid', message, { hint: 'Name an image instead.' });
  }
  if (coverType === undefined && !isImageType(extensionOf(path.basename(shown)))) {
    const message = `VOD does not accept ${visible(shown)} as a cover: its extension is none of an image`;
    const hint = 'Use a jpg, png, gif or bmp, or name its type (--cover-type, coverType).';
    throw new UploadFailure('source-unsupported', message, { hint });
  }
  return { file: found.file, changedAtMs: found.changedAtMs };
}
