import path from 'node:path';
import { UploadFailure } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { Cover } from './covers.js';
import { inspect, type RealDirectory } from './inspect.js';
import { extensionOf, isImageType } from './media-types.js';

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
