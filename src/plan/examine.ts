import path from 'node:path';
import { UploadFailure } from '../core/errors.js';
import type { SkipReason, SourceFile } from '../core/model.js';
import { MAX_MEDIA_SIZE } from '../core/parts.js';
import { formatSize } from '../core/size.js';
import { visible } from '../core/text.js';
import type { CoverFinder } from './covers.js';
import type { Entry } from './entry.js';
import { inspect, type Inspection, type RealDirectory } from './inspect.js';
import type { Media } from './job.js';
import {
  extensionOf,
  isImageType,
  isMediaType,
  isPlaylistType,
  isTemporaryName,
} from './media-types.js';
import { findSegments } from './playlist.js';

/** What one path is, before it is known what else the run contains. */
export type Verdict =
  | { readonly kind: 'media'; readonly media: Media; readonly absolute: string }
  /** A cover of something, a media of its own, or neither. */
  | {
      readonly kind: 'image';
      readonly media: Media;
      readonly absolute: string;
      readonly isYoung: boolean;
    }
  | {
      readonly kind: 'skipped';
      readonly file: SourceFile;
      readonly reason: SkipReason;
      readonly cover?: SourceFile;
    }
  | { readonly kind: 'failed'; readonly path: string; readonly failure: UploadFailure }
  | { readonly kind: 'ignored' };

export interface ExamineSettings {
  readonly mediaType: string | undefined;
  readonly coversRequired: boolean;
  readonly minAgeMs: number;
  readonly now: Date;
}

type File = Extract<Inspection, { kind: 'file' }>;

/** Looks at one path on disk: itself, its cover, its segments. */
export function createExamine(
  settings: ExamineSettings,
  covers: CoverFinder,
  realDirectory: RealDirectory,
): (entry: Entry) => Promise<Verdict> {
  const { mediaType, coversRequired, minAgeMs, now } = settings;

  const isYoung = (changedAtMs: number): boolean =>
    minAgeMs > 0 && now.getTime() - changedAtMs < minAgeMs;

  async function examineMedia(entry: Entry, found: File, type: string): Promise<Verdict> {
    const { file } = found;
    const cover = await covers.find(entry.path, entry.absolute, entry.images);
    const withCover = cover === undefined ? {} : { cover: cover.file };
    const tooYoung: Verdict = { kind: 'skipped', file, reason: 'too-young', ...withCover };
    if (isYoung(Math.max(found.changedAtMs, cover?.changedAtMs ?? 0))) return tooYoung;
    if (cover === undefined && coversRequired) {
      throw new UploadFailure('cover-missing', `${visible(entry.path)} has no cover`);
    }
    const { segments, changedAtMs } = isPlaylistType(type)
      ? await findSegments(file, entry.absolute, type, realDirectory)
      : { segments: [], changedAtMs: 0 };
    if (isYoung(changedAtMs)) return tooYoung;
    const media = { file, type, segments, ...withCover };
    return { kind: 'media', media, absolute: entry.absolute };
  }

  async function examineFile(entry: Entry, found: File): Promise<Verdict> {
    const { file } = found;
    const name = path.basename(entry.path);
    const extension = extensionOf(name);
    if (isTemporaryName(name)) return { kind: 'skipped', file, reason: 'temporary-name' };
    const isImage = isImageType(extension);
    if (!isImage && !isMediaType(extension)) {
      const isNamed = entry.origin === 'argument' || entry.origin === 'list';
      if (!isNamed) return { kind: 'ignored' };
      if (mediaType === undefined) throw unsupported(entry.path, extension);
    }
    if (file.size === 0) return { kind: 'skipped', file, reason: 'empty' };
    if (file.size > MAX_MEDIA_SIZE) throw tooLarge(file);
    const type = mediaType ?? extension;
    if (!isImage) return examineMedia(entry, found, type);
    return {
      kind: 'image',
      media: { file, type, segments: [] },
      absolute: entry.absolute,
      isYoung: isYoung(found.changedAtMs),
    };
  }

  return async (entry) => {
    try {
      if (entry.failure !== undefined) throw entry.failure;
      const found = entry.inspection ?? (await inspect(entry.path, entry.absolute, realDirectory));
      if (found.kind === 'unusable') throw found.failure;
      // A symbolic link to a directory: passed over, or walked already.
      if (found.kind === 'directory') return { kind: 'ignored' };
      return await examineFile(entry, found);
    } catch (error) {
      if (!(error instanceof UploadFailure)) throw error;
      return { kind: 'failed', path: entry.path, failure: error.at('plan') };
    }
  };
}

function unsupported(shown: string, extension: string): UploadFailure {
  const reason =
    extension === ''
      ? 'its name has no extension that tells its type'
      : `VOD does not accept .${visible(extension)} files`;
  return new UploadFailure('source-unsupported', `cannot upload ${visible(shown)}: ${reason}`);
}

function tooLarge(file: SourceFile): UploadFailure {
  const message = `cannot upload ${visible(file.path)}: it has ${formatSize(file.size)}, VOD takes ${formatSize(MAX_MEDIA_SIZE)}`;
  return new UploadFailure('source-unsupported', message, { hint: 'Cut it into smaller media.' });
}
