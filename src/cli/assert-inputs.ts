import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { UploadFlags } from './upload-options.js';

/** Throws UsageError where nothing is named to upload, or --sandbox took what is. */
export function assertInputs(inputs: readonly string[], flags: UploadFlags, cwd: string): void {
  const hasInputs =
    inputs.length > 0 ||
    [flags.filesFrom, flags.filesFrom0, flags.jobs].some((list) => list !== undefined);
  const { sandbox } = flags;
  if (typeof sandbox === 'string') {
    const path = resolve(cwd, sandbox);
    const isFile = existsSync(path) && !statSync(path).isDirectory();
    if (isFile || !hasInputs) {
      throw usageError(
        isFile
          ? `--sandbox took ${visible(sandbox)}, which is a file, as its directory`
          : `nothing to upload: --sandbox took ${visible(sandbox)} as its directory`,
        'Write --sandbox=<dir>, or put --sandbox after the inputs.',
      );
    }
  }
  if (!hasInputs) {
    throw usageError(
      'nothing to upload: no file, directory or glob was named',
      'Name some, as in vod-upload ./videos/*.mp4, or see vod-upload --help.',
    );
  }
}
