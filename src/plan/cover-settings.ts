import path from 'node:path';
import { UploadFailure, type Problem } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { CoverSettings } from './covers.js';
import { readGivenCover } from './given-cover.js';
import { explain, type RealDirectory } from './inspect.js';
import { problemOf } from './problems.js';
import { threadFs } from './quick-fs.js';

export interface CoverOptions {
  readonly cwd: string;
  readonly covers: 'auto' | 'off' | 'required';
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
    mode: options.covers,
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
    problems.push({ ...problemOf(explain(error, coverDir)), hint });
  }
  return undefined;
}
