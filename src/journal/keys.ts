import type { Job, Receipt } from '../core/model.js';
import { digest } from './digest.js';

/** What a job is known by: no two runs may have the same of any. */
export interface ClaimKeys {
  readonly sourceKey: string;
  /** Where the content is known before the upload. */
  readonly contentKey: string | undefined;
}

/** A storage path that was asked for, and the real path of the file that was sent there. */
export interface Place {
  readonly key: string;
  readonly source: string;
}

/** Where whoever is sent to the same storage path finds the media; undefined where the service chose the path. */
export function placeOf(job: Job, { storage }: Receipt): Place | undefined {
  if (job.request.mediaStoragePath === undefined) return undefined;
  const { bucket, region, path } = storage;
  return {
    key: digest([job.scope ?? '', bucket, region, path].join('\0')),
    source: job.media.realPath,
  };
}

export function claimKeysOf(job: Job): ClaimKeys {
  return { sourceKey: sourceKeyOf(job), contentKey: contentKeyOf(job, job.crc64) };
}

/** Keys must stay below 2 KB, and paths may be longer. */
export function sourceKeyOf(job: Job): string {
  const service = job.scope === undefined ? '' : `${job.scope}\0`;
  return digest(`${service}${job.request.subAppId ?? ''}\0${job.media.realPath}`);
}

/**
 * Where the same bytes lead to, whatever their path; undefined where the content is not known. A
 * playlist goes by its path: its own text says nothing about its segments.
 */
export function contentKeyOf(
  { media, request, scope, segments }: Job,
  crc64: string | null | undefined,
): string | undefined {
  if (crc64 === null || crc64 === undefined || segments.length > 0) return undefined;
  return `${scope ?? ''}/${request.subAppId ?? ''}/${media.size}/${crc64}`;
}
