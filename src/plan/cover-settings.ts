import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Problem } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { CoverSettings } from './covers.js';
import { explain, inspect, type RealDirectory } from './inspect.js';
import { extensionOf, isImageType } from './media-types.js';
import { emptyProblem, problemOf } from './problems.js';

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
  const found = await inspect(cover, absolute, realDirectory);
  const hint = 'Name an image with --cover.';
  if (found.kind === 'unusable') {
    problems.push({ ...problemOf(found.failure), hint });
  } else if (found.kind === 'directory') {
    const message = `the cover ${visible(cover)} is a directory`;
    problems.push({ message, hint: 'Use --cover-dir for a directory of covers.' });
  } else if (found.file.size === 0) {
    problems.push({ ...emptyProblem(cover), hint });
  } else if (media.coverType === undefined && !isImageType(extensionOf(path.basename(cover)))) {
    const message = `VOD does not accept ${visible(cover)} as a cover: its extension is none of an image`;
    problems.push({
      message,
      hint: 'Use a jpg, png, gif or bmp, or name the type with --cover-type.',
    });
  } else {
    return { file: found.file, changedAtMs: found.changedAtMs, absolute };
  }
  return undefined;
}

async function readCoverDir(
  { cwd, coverDir }: CoverOptions,
  problems: Problem[],
): Promise<CoverSettings['coverDir']> {
  if (coverDir === undefined) return undefined;
  const absolute = path.resolve(cwd, coverDir);
  const hint = 'Name a directory of images with --cover-dir.';
  try {
    const stats = await stat(absolute);
    if (stats.isDirectory()) return { shown: coverDir, absolute };
    problems.push({ message: `${visible(coverDir)} is not a directory`, hint });
  } catch (error) {
    problems.push({ ...problemOf(explain(error, coverDir)), hint });
  }
  return undefined;
}
