import { UploadFailure } from '../core/errors.js';
import type { Job, SourceFile } from '../core/model.js';
import { visible } from '../core/text.js';
import { createPathSet } from './path-set.js';

/**
 * Takes the storage paths of a job, segments next to the media, within its sub-application; or tells
 * why it may not have them. Playlists may share the files that they refer to.
 */
export function createPlaces(): (
  job: Job,
  subAppId: number | undefined,
) => UploadFailure | undefined {
  const taken = createPathSet();
  return ({ media, segments, request }, subAppId) => {
    const { mediaStoragePath } = request;
    if (mediaStoragePath === undefined) return undefined;
    const folder = mediaStoragePath.slice(0, mediaStoragePath.lastIndexOf('/') + 1);
    const placeOf = (file: SourceFile, path: string) => {
      const key = `${subAppId ?? ''}:${path}`;
      return { file, path, key, filled: `${key}\0${file.realPath}` };
    };
    const own = placeOf(media, mediaStoragePath);
    const others = segments.map((file) => placeOf(file, folder + file.relativeKey));
    const places = [own, ...others];
    const lost =
      places.find(({ key, filled }) => taken.has(key) && !taken.has(filled)) ??
      others.find(({ key, filled }) => key === own.key && filled !== own.filled);
    if (lost !== undefined) return storagePathTaken(lost.file, lost.path, others.length > 0);
    for (const { key, filled } of places) {
      taken.add(key);
      taken.add(filled);
    }
    return undefined;
  };
}

function storagePathTaken(
  file: SourceFile,
  storagePath: string,
  isOfPlaylist: boolean,
): UploadFailure {
  const message = `${visible(file.path)} would overwrite another file of this run at ${visible(storagePath)}`;
  return new UploadFailure('source-invalid', message, {
    stage: 'plan',
    hint: isOfPlaylist
      ? 'Give each playlist a folder of its own, and its own name in it, as in /{dir}/{name}.'
      : 'Make the storage path distinguish the files, for example with {dir}, {name} or {index}.',
  });
}
