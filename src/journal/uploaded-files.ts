import type { Job } from '../core/model.js';
import { digest } from './digest.js';

/** How the ledger tells the files beside the media from others in their places. */
export interface UploadedFiles {
  readonly cover?: { readonly size: number; readonly mtimeNs?: string };
  /** A digest of the places, sizes and times of all segments. */
  readonly segments?: string;
}

const DIGEST_LENGTH = 16;

/** Of the media: a cover may have been dropped. */
export function uploadedFilesOf({ cover, segments }: Job, hasCover: boolean): UploadedFiles {
  return {
    ...(cover && hasCover ? { cover: { size: cover.size, mtimeNs: String(cover.mtimeNs) } } : {}),
    ...(segments.length > 0 ? { segments: digestOf(segments) } : {}),
  };
}

function digestOf(segments: Job['segments']): string {
  const versions = segments.map(({ relativeKey, size, mtimeNs }) => [
    relativeKey,
    size,
    String(mtimeNs),
  ]);
  return digest(JSON.stringify(versions)).slice(0, DIGEST_LENGTH);
}

/** For the same media in another place: copies of a cover have times of their own. */
export function withoutTimes({ cover, ...others }: UploadedFiles): UploadedFiles {
  return cover === undefined ? others : { ...others, cover: { size: cover.size } };
}

/** Which files are known to be others now. Whether there is a cover at all is told by the options. */
export function changedFiles(then: UploadedFiles, job: Job): ('cover' | 'segments')[] {
  const now = uploadedFilesOf(job, true);
  const { cover } = then;
  const isOtherCover =
    cover !== undefined &&
    now.cover !== undefined &&
    (cover.size !== now.cover.size || (cover.mtimeNs ?? now.cover.mtimeNs) !== now.cover.mtimeNs);
  const areOtherSegments = then.segments !== undefined && then.segments !== now.segments;
  return [
    ...(isOtherCover ? (['cover'] as const) : []),
    ...(areOtherSegments ? (['segments'] as const) : []),
  ];
}
