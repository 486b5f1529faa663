import { UploadFailure } from '../core/errors.js';
import type { Job, PlanItem, SourceFile } from '../core/model.js';
import { answered } from '../core/waits.js';
import { skipped, withExtra } from './decide.js';
import { mapAhead } from './map-ahead.js';
import { createPathSet } from './path-set.js';
import { assertUnchanged, sourceOf } from './source.js';

/** A CRC-64 that grows with what is read. */
export interface Checksum {
  update(chunk: Uint8Array): void;
  digest(): bigint;
}

export interface ContentOptions {
  createChecksum(): Checksum;
  /** Aborts when nothing more will be sent: what is left of the plan comes without its content. */
  readonly stop: AbortSignal;
}

/** Two: one file is read while the other is digested; more would only make a disk seek. */
const READ_AHEAD = 2;
const CHUNK_SIZE = 1024 * 1024;

/**
 * Where it is asked for, gives each job the CRC-64 of its media, and lets of several with the same
 * content only the first be a job. Playlists go by their path: their own text says nothing about
 * their segments.
 */
export async function* byContent(
  items: AsyncIterable<PlanItem>,
  options: ContentOptions | undefined,
): AsyncGenerator<PlanItem, void, undefined> {
  if (options === undefined) {
    yield* items;
    return;
  }
  const { createChecksum, stop } = options;
  const seen = createPathSet();
  const buffers: Buffer[] = [];

  async function digest(item: PlanItem): Promise<PlanItem> {
    if (item.status !== 'planned' || item.job.segments.length > 0) return item;
    const buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(CHUNK_SIZE);
    try {
      const crc64 = await readCrc64(item.job.media, createChecksum(), buffer, stop);
      // Only now: what a disk that did not answer may still write to is never used again.
      buffers.push(buffer);
      return crc64 === undefined ? item : { status: 'planned', job: { ...item.job, crc64 } };
    } catch (error) {
      if (!(error instanceof UploadFailure)) throw error;
      const { media, extra } = item.job;
      return withExtra({ status: 'failed', path: media.path, failure: error.at('plan') }, extra);
    }
  }

  for await (const item of mapAhead(items, READ_AHEAD, digest)) {
    if (
      item.status !== 'planned' ||
      item.job.crc64 === undefined ||
      seen.add(contentOf(item.job))
    ) {
      yield item;
      continue;
    }
    yield withExtra(skipped(item.job.media, 'duplicate'), item.job.extra);
  }
}

function contentOf({ request, media, crc64 }: Job): string {
  return `${request.subAppId ?? ''}:${media.size}:${crc64}`;
}

/** Unsigned decimal; undefined once `stop` aborts. Throws UploadFailure. */
async function readCrc64(
  file: SourceFile,
  checksum: Checksum,
  buffer: Buffer,
  stop: AbortSignal,
): Promise<string | undefined> {
  if (stop.aborted) return undefined;
  const source = sourceOf(file);
  try {
    for (let position = 0; position < file.size;) {
      const count = await answered(source.read(buffer, position));
      if (stop.aborted) return undefined;
      checksum.update(buffer.subarray(0, count));
      position += count;
    }
    await assertUnchanged(file);
    return String(checksum.digest());
  } finally {
    source.close();
  }
}
