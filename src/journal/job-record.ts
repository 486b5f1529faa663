import type { JobId } from '../core/ids.js';
import type { ApplyRequest, Job, Segment, SourceFile } from '../core/model.js';
import {
  bigintOf,
  fieldsOf,
  formatRecord,
  listOf,
  nested,
  numberOf,
  optional,
  parseRecord,
  textOf,
} from './fields.js';
import type { Fields } from './fields.js';

export function formatJob(job: Job): string {
  return formatRecord({
    id: job.id,
    scope: job.scope,
    media: plain(job.media),
    cover: job.cover && plain(job.cover),
    segments: job.segments.map((file) => ({ ...plain(file), relativeKey: file.relativeKey })),
    request: job.request,
    extra: job.extra,
  });
}

export function parseJob(text: string | undefined): Job | undefined {
  return parseRecord(text, (fields) => {
    const request = fieldsOf(fields['request']);
    textOf(request, 'mediaType');
    textOf(request, 'mediaName');
    return {
      id: textOf<JobId>(fields, 'id'),
      ...optional(fields, 'scope', textOf),
      media: sourceOf(fieldsOf(fields['media'])),
      ...optional(fields, 'cover', nested(sourceOf)),
      segments: listOf(fields, 'segments').map(segmentOf),
      request: request as unknown as ApplyRequest,
      ...optional(
        fields,
        'extra',
        nested((extra) => extra),
      ),
    };
  });
}

function plain({ path, realPath, size, mtimeNs, inode }: SourceFile): object {
  return { path, realPath, size, mtimeNs: String(mtimeNs), inode: String(inode) };
}

function sourceOf(fields: Fields): SourceFile {
  return {
    path: textOf(fields, 'path'),
    realPath: textOf(fields, 'realPath'),
    size: numberOf(fields, 'size'),
    mtimeNs: bigintOf(fields, 'mtimeNs'),
    inode: bigintOf(fields, 'inode'),
  };
}

function segmentOf(fields: Fields): Segment {
  return { ...sourceOf(fields), relativeKey: textOf(fields, 'relativeKey') };
}
