import { fstat } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { usageError } from '../core/errors.js';
import { visible } from '../core/text.js';
import { answered } from '../core/waits.js';
import { assertManifestWritable, findTarget } from '../manifest/target.js';
import { extensionOf, isImageType, isMediaType } from '../plan/media-types.js';
import type { UploadFlags } from './upload-options.js';
import type { World } from './world.js';

/**
 * Throws UsageError where the manifest cannot be put, or would take the place of a video: what
 * `--manifest *.mp4` comes to in a shell.
 */
export async function assertManifestPlace(
  flags: Pick<UploadFlags, 'manifest' | 'json'> & Partial<Pick<UploadFlags, 'dryRun'>>,
  world: Pick<World, 'cwd' | 'stdout'>,
): Promise<void> {
  const { manifest } = flags;
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
  if (flags.json && !flags.dryRun && (await isOnStandardOutput(flags, world))) {
    throw usageError(
      `--json and --manifest ${visible(manifest)} would both write to standard output`,
      'Name a file with --manifest, or leave --json out: the manifest has all results.',
    );
  }
}

/** Whether the manifest goes to the file or pipe that standard output is. */
export async function isOnStandardOutput(
  { manifest }: Pick<UploadFlags, 'manifest'>,
  { cwd, stdout }: Pick<World, 'cwd' | 'stdout'>,
): Promise<boolean> {
  if (manifest === false || stdout.fd === undefined) return false;
  const path = resolve(cwd, manifest);
  if ((await answered(findTarget(path))).isReplaceable) return false;
  const [own, other] = await answered(Promise.all([promisify(fstat)(stdout.fd), stat(path)]));
  return own.dev === other.dev && own.ino === other.ino && !own.isCharacterDevice();
}
