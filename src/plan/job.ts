import { createHash } from 'node:crypto';
import type { JobId } from '../core/ids.js';
import type { ApplyRequest, Job, Segment, SourceFile } from '../core/model.js';
import { visible } from '../core/text.js';
import type { Row } from './job-row.js';
import type { MediaOptions } from './limits.js';
import { extensionOf, stemOf } from './media-types.js';
import { cleanName } from './media-name.js';
import type { Warnings } from './warnings.js';
import { renderStoragePath, renderTemplate, type TemplateFacts } from './templates.js';
import path from 'node:path';

/** A file that is to be uploaded, with all that goes with it. */
export interface Media {
  readonly file: SourceFile;
  readonly type: string;
  readonly cover?: SourceFile;
  readonly segments: readonly Segment[];
}

export interface JobSettings {
  readonly media: MediaOptions;
  readonly scope: string;
}

export function createJob(
  { file, type, cover, segments }: Media,
  row: Row | undefined,
  facts: TemplateFacts,
  { media: flags, scope }: JobSettings,
  warnings: Warnings,
): Job {
  const media = { ...flags, ...row?.media };
  const storagePath = storagePathOf(facts, flags, row);
  return {
    id: identify(file, scope, media.subAppId),
    ...(scope === '' ? {} : { scope }),
    media: file,
    ...(cover === undefined ? {} : { cover }),
    segments,
    request: requestOf(media, {
      mediaType: type,
      mediaName: nameOf(facts, flags, row, warnings),
      ...(cover === undefined ? {} : { coverType: coverTypeOf(cover, media) }),
      ...(storagePath === undefined ? {} : { mediaStoragePath: storagePath }),
    }),
    ...(row?.extra === undefined ? {} : { extra: row.extra }),
  };
}

/** What makes a source the same source in the next run. */
function identify(file: SourceFile, scope: string, subAppId: number | undefined): JobId {
  const identity = [scope, subAppId ?? '', file.realPath, file.size, file.mtimeNs].join('\0');
  return createHash('sha256').update(identity).digest('hex').slice(0, 32) as JobId;
}

function nameOf(
  facts: TemplateFacts,
  { name: template }: MediaOptions,
  row: Row | undefined,
  warnings: Warnings,
): string {
  const ofFlags = (): string =>
    template === undefined ? stemOf(path.basename(facts.path)) : renderTemplate(template, facts);
  const wanted = row?.media.name ?? ofFlags();
  const name = cleanName(wanted);
  if (name !== wanted) {
    const message = `${visible(facts.path)} is uploaded under the name "${visible(name)}"`;
    warnings.add('names changed', message);
  }
  return name;
}

function storagePathOf(
  facts: TemplateFacts,
  { storagePath: template }: MediaOptions,
  row: Row | undefined,
): string | undefined {
  if (row?.media.storagePath !== undefined) return row.media.storagePath;
  return template === undefined ? undefined : renderStoragePath(template, facts);
}

function coverTypeOf(cover: SourceFile, media: MediaOptions): string {
  return media.coverType ?? extensionOf(path.basename(cover.path));
}

/** The options that are templates, or belong to a file, are in `own` already, as they came out. */
function requestOf(
  { name: _n, storagePath: _s, mediaType: _m, coverType: _c, ...fields }: MediaOptions,
  own: ApplyRequest,
): ApplyRequest {
  return { ...own, ...fields };
}
