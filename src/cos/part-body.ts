import { UploadFailure } from '../core/errors.js';
import type { Part } from '../core/model.js';
import type { OpenSource } from '../core/ports.js';
import { visible } from '../core/text.js';
import type { Body } from '../net/request.js';
import { allocateChunk } from './chunk-memory.js';
import { createDigest, type Digest } from './digest.js';

/** Large chunks cost few system calls; so many bodies at once have them. */
const LARGE_CHUNK = 512 * 1024;
const LARGE_PAIRS = 8;
/** The chunks of all others, so that 64 connections live in little memory. */
const SMALL_CHUNK = 128 * 1024;

type Pair = readonly [Buffer, Buffer];

/**
 * Buffers for chunks, two a body, kept for the next body: memory follows the connections, not the
 * bytes. Nothing is left to the garbage collector, which would take its time.
 */
export interface ChunkPool {
  take(size: number): Pair;
  give(pair: Pair): void;
}

export function createChunkPool(): ChunkPool {
  const large: Pair[] = [];
  const small: Pair[] = [];
  let largeMade = 0;

  return {
    take(size) {
      if (size > SMALL_CHUNK) {
        const pair = large.pop();
        if (pair) return pair;
        if (largeMade < LARGE_PAIRS) {
          largeMade += 1;
          return pairOf(LARGE_CHUNK);
        }
      }
      return small.pop() ?? pairOf(SMALL_CHUNK);
    },
    give(pair) {
      (pair[0].length === LARGE_CHUNK ? large : small).push(pair);
    },
  };
}

function pairOf(length: number): Pair {
  return [allocateChunk(length), allocateChunk(length)];
}

/** Bytes [start, end) of a source as the body of one request, digested as they are read. */
export interface PartBody extends Body {
  /** Whether every byte went through the digest. */
  isComplete(): boolean;
  /** Gives the buffers back, once nothing is being read into them. */
  close(): Promise<void>;
}

/** Reads bytes [start, end) of a source for their digests alone. */
export async function digestRange(
  source: OpenSource,
  { start, end }: Part,
  kinds: Parameters<typeof createDigest>[0],
  pool: ChunkPool,
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
  pool: ChunkPool,
): PartBody {
  const size = end - start;
  const buffers = pool.take(size);
  let turn = 0;
  let done = 0;
  let reading: Promise<unknown> = Promise.resolve();

  async function fill(position: number): Promise<Uint8Array> {
    turn = 1 - turn;
    const chunk = (buffers[turn] as Buffer).subarray(0, size - position);
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
      pool.give(buffers);
    },
  };
}
