import path from 'node:path';
import { UploadFailure } from '../core/errors.js';
import type { SkipReason, SourceFile } from '../core/model.js';
import { MAX_MEDIA_SIZE } from '../core/parts.js';
import { formatSize } from '../core/size.js';
import { visible } from '../core/text.js';
import { readGivenCover } from './cover-settings.js';
import type { Cover, CoverFinder } from './covers.js';
import type { Entry } from './entry.js';
import { inspect, type Inspection, type RealDirectory } from './inspect.js';
import type { Row } from './job-row.js';
import type { Media } from './job.js';
import {
  extensionOf,
  isImageType,
  isMediaType,
  isPlaylistType,
  isTemporaryName,
} from './media-types.js';
import { findSegments, lostAs, type Claims } from './playlist.js';

/** What one path is, before it is known what else the run contains. */
export type Verdict = Finding & {
  /** What a job list says of it. */
  readonly row?: Row;
  /** The cover of a media, whether that can go now or not. */
  readonly cover?: SourceFile;
};

type Finding =
  | { readonly kind: 'media'; readonly media: Media; readonly absolute: string }
  /** A cover of something, a media of its own, or neither. */
  | {
      readonly kind: 'image';
      readonly media: Media;
      readonly absolute: string;
      readonly isYoung: boolean;
    }
  | { readonly kind: 'skipped'; readonly file: SourceFile; readonly reason: SkipReason }
  | {
      readonly kind: 'failed';
      readonly path: string;
      /** Absent where it cannot be told from other files. */
      readonly realPath?: string;
      readonly failure: UploadFailure;
    }
  | { readonly kind: 'ignored' };

export interface ExamineSettings {
  readonly cwd: string;
  readonly mediaType: string | undefined;
  readonly coverType: string | undefined;
  readonly covers: 'auto' | 'off' | 'required' | undefined;
  readonly minAgeMs: number;
  readonly now: Date;
  /** Files that playlists named elsewhere carry along. */
  readonly claimed: Claims;
  readonly realDirectory: RealDirectory;
}

/** One that cannot be used is the failure of its media, unless that has another. */
type FoundCover = Cover | UploadFailure | undefined;

type File = Extract<Inspection, { kind: 'file' }>;

/** Looks at one path on disk: itself, its cover, its segments. */
export function createExamine(
  settings: ExamineSettings,
  covers: CoverFinder,
): (entry: Entry) => Promise<Verdict> {
  const examineFile = createExamineFile(settings);

  return async (entry) => {
    const found = await orFailure(findFile(entry, settings));
    const row = entry.row === undefined ? {} : { row: entry.row };
    if (found === undefined) return { kind: 'ignored', ...row };
    const mayHaveCover = isMedia(entry, settings) && !settings.claimed.has(entry.absolute);
    const cover = mayHaveCover ? await orFailure(coverOf(entry, settings, covers)) : undefined;
    const finding =
      found instanceof UploadFailure ? found : await orFailure(examineFile(entry, found, cover));
    return {
      ...(finding instanceof UploadFailure
        ? await failed(entry, found, finding, settings.realDirectory)
        : finding),
      ...row,
      ...(cover === undefined || cover instanceof UploadFailure ? {} : { cover: cover.file }),
    };
  };
}

function createExamineFile(
  settings: ExamineSettings,
): (entry: Entry, found: File, cover: FoundCover) => Promise<Finding> {
  const { minAgeMs, now, claimed, realDirectory } = settings;

  const isYoung = (changedAtMs: number): boolean =>
    minAgeMs > 0 && now.getTime() - changedAtMs < minAgeMs;

  async function examineMedia(
    entry: Entry,
    found: File,
    type: string,
    cover: FoundCover,
  ): Promise<Finding> {
    if (cover instanceof UploadFailure) throw cover;
    const { file } = found;
    const tooYoung: Finding = { kind: 'skipped', file, reason: 'too-young' };
    if (isYoung(Math.max(found.changedAtMs, cover?.changedAtMs ?? 0))) return tooYoung;
    if (cover === undefined && settings.covers === 'required') {
      throw new UploadFailure('cover-missing', `${visible(entry.path)} has no cover`);
    }
    const { segments, changedAtMs } = isPlaylistType(type)
      ? await findSegments(file, entry.absolute, type, realDirectory)
      : { segments: [], changedAtMs: 0 };
    if (isYoung(changedAtMs)) return tooYoung;
    const media = { file, type, segments, ...(cover === undefined ? {} : { cover: cover.file }) };
    return { kind: 'media', media, absolute: entry.absolute };
  }

  return async (entry, found, cover) => {
    const { file } = found;
    if (claimed.has(entry.absolute)) return { kind: 'skipped', file, reason: 'duplicate' };
    const doubt = claimed.doubt(entry.path, entry.absolute);
    if (doubt !== undefined) throw doubt;
    const name = path.basename(entry.path);
    const extension = extensionOf(name);
    if (isTemporaryName(name)) return { kind: 'skipped', file, reason: 'temporary-name' };
    const isImage = isImageType(extension);
    if (!isImage && !isMedia(entry, settings)) {
      if (!entry.isNamed) return { kind: 'ignored' };
      throw unsupported(entry.path, extension);
    }
    if (file.size === 0) return { kind: 'skipped', file, reason: 'empty' };
    if (file.size > MAX_MEDIA_SIZE) throw tooLarge(file);
    const type = typeNamed(entry, settings) ?? extension;
    const lost = lostAs(entry.path, type);
    if (lost !== undefined) throw lost;
    if (!isImage) return examineMedia(entry, found, type, cover);
    return {
      kind: 'image',
      media: { file, type, segments: [] },
      absolute: entry.absolute,
      isYoung: isYoung(found.changedAtMs),
    };
  };
}

async function failed(
  { path: shown, absolute }: Entry,
  found: File | UploadFailure,
  failure: UploadFailure,
  realDirectory: RealDirectory,
): Promise<Finding> {
  const verdict = { kind: 'failed', path: shown, failure: failure.at('plan') } as const;
  if (!(found instanceof UploadFailure)) return { ...verdict, realPath: found.file.realPath };
  // Several names that are not UTF-8 may read the same.
  if (absolute.includes('\ufffd')) return verdict;
  const [directory, name] = [path.dirname(absolute), path.basename(absolute)];
  const real = await realDirectory(directory).catch(() => directory);
  return { ...verdict, realPath: path.join(real, name) };
}

/** What somebody says that a file is. */
function typeNamed({ row }: Entry, { mediaType }: ExamineSettings): string | undefined {
  return row?.media.mediaType ?? mediaType;
}

/** By its extension, or since it was named together with its type. */
function isMedia(entry: Entry, settings: ExamineSettings): boolean {
  const extension = extensionOf(path.basename(entry.path));
  if (isMediaType(extension)) return true;
  return entry.isNamed && !isImageType(extension) && typeNamed(entry, settings) !== undefined;
}

async function orFailure<T>(work: Promise<T>): Promise<T | UploadFailure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UploadFailure) return error;
    throw error;
  }
}

/** Undefined for a symbolic link to a directory, which is passed over, or walked already. */
async function findFile(
  entry: Entry,
  { realDirectory }: ExamineSettings,
): Promise<File | undefined> {
  const { path: shown, absolute, row } = entry;
  if (entry.failure !== undefined) throw entry.failure;
  const found = entry.inspection ?? (await inspect(shown, absolute, realDirectory));
  if (found.kind === 'unusable') throw found.failure;
  if (found.kind === 'file') return found;
  if (row === undefined) return undefined;
  throw new UploadFailure('source-invalid', `cannot upload ${visible(shown)}: it is a directory`, {
    hint: 'Name its files, one a row, or name the directory as an input.',
  });
}

/** The cover that the file's row names, and none where its run had none; otherwise as the flags have it. */
async function coverOf(
  { path: shown, absolute, images, row }: Entry,
  { cwd, coverType, covers: mode, realDirectory }: ExamineSettings,
  covers: CoverFinder,
): Promise<Cover | undefined> {
  if (row?.cover === null && mode === undefined) return undefined;
  if (row === undefined || !row.cover) return covers.find(shown, absolute, images);
  const type = row.media.coverType ?? coverType;
  try {
    return await readGivenCover(row.cover, path.resolve(cwd, row.cover), type, realDirectory);
  } catch (error) {
    throw error instanceof UploadFailure ? unusableCover(shown, error) : error;
  }
}

function unusableCover(shown: string, cause: UploadFailure): UploadFailure {
  const code = cause.code === 'source-missing' ? 'cover-missing' : cause.code;
  const message = `the cover of ${visible(shown)} cannot be used: ${cause.message}`;
  return new UploadFailure(code, message, {
    cause,
    hint: 'Put the cover back, or correct the row of this file; --covers off passes over one that only a manifest tells.',
  });
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
