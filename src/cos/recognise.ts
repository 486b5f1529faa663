import type { ETag } from '../core/ids.js';
import type { Cos } from '../core/ports.js';
import type { Verification } from './digest.js';
import { digestRange, type BufferPool } from './part-body.js';

/** Compares a part that is listed with the file by its MD5. */
export function createRecognise(verification: Verification, pool: BufferPool): Cos['recognise'] {
  const kinds = verification === 'none' ? (['md5'] as const) : (['md5', 'crc64'] as const);
  return async (listed, part, source, signal) => {
    const size = part.end - part.start;
    if (listed.number !== part.number || listed.size !== size) return undefined;
    const { md5, crc64 } = await digestRange(source, part, kinds, pool, signal);
    if (listed.etag.replaceAll('"', '') !== md5) return undefined;
    const { number } = part;
    return { number, size, etag: `"${md5}"` as ETag, ...(crc64 === undefined ? {} : { crc64 }) };
  };
}
