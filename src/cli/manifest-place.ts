import { resolve } from 'node:path';
import { usageError } from '../core/errors.js';
import { visible } from '../core/text.js';
import { assertManifestWritable } from '../manifest/target.js';
import { extensionOf, isImageType, isMediaType } from '../plan/media-types.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/**
 * Throws UsageError where the manifest cannot be put, or would take the place of a video: what
 * `--manifest *.mp4` comes to in a shell.
 */
export async function assertManifestPlace(
  { manifest }: Pick<UploadFlags, 'manifest'>,
  world: Pick<World, 'cwd'>,
): Promise<void> {
  if (manifest === false) return;
  if (manifest === '-') {
    throw usageError('--manifest - names no file', 'For standard output name /dev/stdout.');
  }
  const extension = extensionOf(manifest);
  if (isMediaType(extension) || isImageType(extension)) {
    throw usageError(
      `--manifest took ${visible(manifest)}, which is a media by its name, as the file to replace`,
      'Name a .json, .jsonl or .csv file after --manifest, and the inputs after that.',
    );
  }
  await assertManifestWritable(resolve(world.cwd, manifest));
}
