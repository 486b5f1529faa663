import { UploadFailure } from '../core/errors.js';
import type { Job, Segment, SourceFile } from '../core/model.js';
import { visible } from '../core/text.js';
import { createPathSet } from './path-set.js';
import { emptyStep } from './templates.js';

/** The most that COS takes of a key, URL-encoded. */
const MAX_KEY_LENGTH = 850;
/** What VOD puts before it where nobody names a storage path: `<bucket>/<8 hex digits><FileId>/`, and a little. */
const MEDIA_FOLDER_LENGTH = 64;

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
    const tooLong = keyTooLong(media, segments, mediaStoragePath);
    if (tooLong !== undefined) return tooLong;
    if (mediaStoragePath === undefined) return undefined;
    if (emptyStep(mediaStoragePath) !== undefined) return nameless(media, mediaStoragePath);
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

function nameless(media: SourceFile, storagePath: string): UploadFailure {
  const message = `the storage path of ${visible(media.path)} would be ${visible(storagePath)}, of which a step names nothing`;
  const hint = 'Make the storage path end with a name, as in /{dir}/{name}.';
  return new UploadFailure('source-invalid', message, { stage: 'plan', hint });
}

function keyTooLong(
  media: SourceFile,
  segments: readonly Segment[],
  storagePath: string | undefined,
): UploadFailure | undefined {
  if (storagePath !== undefined && encodedLength(storagePath.slice(1)) > MAX_KEY_LENGTH) {
    const message = `the storage path of ${visible(media.path)} is too long`;
    return beyondKeyLength(message, 'Shorten the storage path.');
  }
  const folder = storagePath?.slice(1, storagePath.lastIndexOf('/') + 1);
  const taken = folder === undefined ? MEDIA_FOLDER_LENGTH : encodedLength(folder);
  const long = segments.find((one) => taken + encodedLength(one.relativeKey) > MAX_KEY_LENGTH);
  return long === undefined
    ? undefined
    : beyondKeyLength(
        `the playlist ${visible(media.path)} needs ${visible(long.relativeKey)}: its path is too long`,
        'Shorten the names of this file and of its directories, in the playlist as well.',
      );
}

function beyondKeyLength(what: string, hint: string): UploadFailure {
  const message = `${what}: COS takes keys of ${MAX_KEY_LENGTH} bytes, URL-encoded`;
  return new UploadFailure('source-invalid', message, { stage: 'plan', hint });
}

function encodedLength(text: string): number {
  return Buffer.from(text)
    .toString('latin1')
    .replace(/[^\w.~-]/g, '%00').length;
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
