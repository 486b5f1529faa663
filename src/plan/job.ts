import { createHash } from 'node:crypto';
import type { JobId } from '../core/ids.js';
import type { ApplyRequest, Job, Segment, SourceFile } from '../core/model.js';
import type { MediaOptions } from './limits.js';
import { extensionOf, stemOf } from './media-types.js';
import { cleanName, renamedMessage, type Warnings } from './names.js';
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
  source: Media,
  facts: TemplateFacts,
  settings: JobSettings,
  warnings: Warnings,
): Job {
  const { file, type, cover, segments } = source;
  return {
    id: identify(file, settings),
    media: file,
    ...(cover === undefined ? {} : { cover }),
    segments,
    request: requestOf(settings.media, {
      mediaType: type,
      mediaName: nameOf(facts, settings.media.name, warnings),
      ...(cover === undefined ? {} : { coverType: coverTypeOf(cover, settings.media) }),
      ...(settings.media.storagePath === undefined
        ? {}
        : { mediaStoragePath: renderStoragePath(settings.media.storagePath, facts) }),
    }),
  };
}

/** What makes a source the same source in the next run. */
function identify(file: SourceFile, { media, scope }: JobSettings): JobId {
  const identity = [scope, media.subAppId ?? '', file.realPath, file.size, file.mtimeNs].join('\0');
  return createHash('sha256').update(identity).digest('hex').slice(0, 32) as JobId;
}

function nameOf(facts: TemplateFacts, template: string | undefined, warnings: Warnings): string {
  const wanted =
    template === undefined ? stemOf(path.basename(facts.path)) : renderTemplate(template, facts);
  const name = cleanName(wanted);
  if (name !== wanted) warnings.add('names changed', renamedMessage(facts.path, name));
  return name;
}

function coverTypeOf(cover: SourceFile, media: MediaOptions): string {
  return media.coverType ?? extensionOf(path.basename(cover.path));
}

function requestOf(media: MediaOptions, own: ApplyRequest): ApplyRequest {
  const { procedure, storageRegion, subAppId, classId, expireTime } = media;
  const { sourceContext, sessionContext, extInfo } = media;
  return {
    ...own,
    ...(subAppId === undefined ? {} : { subAppId }),
    ...(procedure === undefined ? {} : { procedure }),
    ...(expireTime === undefined ? {} : { expireTime }),
    ...(storageRegion === undefined ? {} : { storageRegion }),
    ...(classId === undefined ? {} : { classId }),
    ...(sourceContext === undefined ? {} : { sourceContext }),
    ...(sessionContext === undefined ? {} : { sessionContext }),
    ...(extInfo === undefined ? {} : { extInfo }),
  };
}
