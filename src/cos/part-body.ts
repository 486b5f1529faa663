import { UploadFailure } from '../core/errors.js';
import type { Part } from '../core/model.js';
import type { OpenSource } from '../core/ports.js';
import { visible } from '../core/text.js';
import type { Body } from '../net/send-body.js';
import { allocateChunk } from './chunk-memory.js';
import { createDigest, type Digest } from './digest.js';

/** What bodies are read into, chunk by chunk. So many bodies at once have large ones, which cost few system calls. */
const LARGE = 2 * 1024 * 1024;
const LARGE_COUNT = 4;
/** Those of all others, so that 64 connections live in little memory. */
const SMALL = 256 * 1024;

/**
 * Buffers, one a body, kept for the next body: memory follows the connections, not the bytes.
 * Nothing is left to the garbage collector, which would take its time.
 */
export interface BufferPool {
  take(size: number): Buffer;
  give(buffer: Buffer): void;
}

export function createBufferPool(): BufferPool {
  const large: Buffer[] = [];
  const small: Buffer[] = [];
  let largeMade = 0;

  return {
    take(size) {
      if (size > SMALL) {
        const buffer = large.pop();
        if (buffer) return buffer;
        if (largeMade < LARGE_COUNT) {
          largeMade += 1;
          return allocateChunk(LARGE);
        }
      }
      return small.pop() ?? allocateChunk(SMALL);
    },
    give(buffer) {
      (buffer.length === LARGE ? large : small).push(buffer);
    },
  };
}

/** Bytes [start, end) of a source as the body of one request, digested as they are read. */
export interface PartBody extends Body {
  /** Whether every byte went through the digest. */
  isComplete(): boolean;
  /** Gives the buffer back, once nothing is being read into it. */
  close(): Promise<void>;
}

/** Reads bytes [start, end) of a source for their digests alone. */
export async function digestRange(
  source: OpenSource,
  { start, end }: Part,
  kinds: Parameters<typeof createDigest>[0],
  pool: BufferPool,
  signal: AbortSignal,
): Promise<ReturnType<Digest['finish']>> {
  const digest = createDigest(kinds);
  const body = openPartBody(source, start, end, digest, pool);
  try {
    for (let position = 0; position < body.size;) {
      signal.throwIfAborted();
      position += (await body.read(position)).length;
    }
  } finally {
    await body.close();
  }
  return digest.finish();
}

export function openPartBody(
  source: OpenSource,
  start: number,
  end: number,
  digest: Digest,
  pool: BufferPool,
): PartBody {
  const size = end - start;
  const buffer = pool.take(size);
  let done = 0;
  let reading: Promise<unknown> = Promise.resolve();

  async function fill(position: number): Promise<Uint8Array> {
    const chunk = buffer.subarray(0, Math.min(buffer.length, size - position));
    let filled = 0;
    while (filled < chunk.length) {
      const count = await source.read(chunk.subarray(filled), start + position + filled);
      if (count === 0) {
        throw new UploadFailure(
          'source-changed',
          `${visible(source.file.path)} became shorter while it was being read`,
        );
      }
      filled += count;
    }
    digest.update(chunk);
    done = position + chunk.length;
    return chunk;
  }

  return {
    size,
    read(position) {
      const next = fill(position);
      reading = next.catch(() => undefined);
      return next;
    },
    isComplete: () => done === size,
    async close() {
      await reading;
      pool.give(buffer);
    },
  };
}
