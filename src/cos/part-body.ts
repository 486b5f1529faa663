import { answered, orAborted } from '../core/waits.js';
import type { Part } from '../core/model.js';
import type { Source } from '../core/ports.js';
import type { Body } from '../net/send-body.js';
import { allocateChunk } from './chunk-memory.js';
import { createDigest, type Digest } from './digest.js';

/**
 * What bodies are read into, chunk by chunk. Few at once have large buffers, which cost few system
 * calls, and each of many a small one, so that 64 connections live in little memory.
 */
const BUFFERS = [
  { size: 2 * 1024 * 1024, most: 4 },
  { size: 256 * 1024, most: 12 },
  { size: 128 * 1024, most: Infinity },
] as const;

/**
 * Buffers, one a body, kept for the next body: memory follows the connections, not the bytes.
 * Nothing is left to the garbage collector, which would take its time.
 */
export interface BufferPool {
  /** The largest that is left and not needlessly large for a body of this size. */
  take(size: number): Buffer;
  give(buffer: Buffer): void;
}

interface Shelf {
  readonly size: number;
  readonly most: number;
  readonly free: Buffer[];
  made: number;
}

export function createBufferPool(): BufferPool {
  const shelves = BUFFERS.map((kind): Shelf => ({ ...kind, free: [], made: 0 }));
  return {
    take(size) {
      const shelf = shelves.find(({ free, made, most }, index) => {
        const smaller = shelves[index + 1]?.size ?? 0;
        return size > smaller && (free.length > 0 || made < most);
      }) as Shelf;
      const kept = shelf.free.pop();
      if (kept) return kept;
      shelf.made += 1;
      return allocateChunk(shelf.size);
    },
    give(buffer) {
      shelves.find(({ size }) => size === buffer.length)?.free.push(buffer);
    },
  };
}

/** Bytes [start, end) of a source as the body of one request, digested as they are read. */
export interface PartBody extends Body {
  /** Whether the disk has still to answer. */
  isReading(): boolean;
  /** Gives the buffer back as soon as no thread uses it; a dead disk never ends a read. */
  close(): void;
}

/** The part that is the whole file. */
export function wholeOf({ file }: Source): Part {
  return { number: 1, start: 0, end: file.size };
}

/** Reads bytes [start, end) of a source for their digests alone. */
export async function digestRange(
  source: Source,
  part: Part,
  kinds: Parameters<typeof createDigest>[0],
  pool: BufferPool,
  signal: AbortSignal,
): Promise<ReturnType<Digest['finish']>> {
  signal.throwIfAborted();
  const digest = createDigest(kinds);
  const body = openPartBody(source, part, digest, pool);
  try {
    for (let position = 0; position < body.size;) {
      position += (await orAborted(answered(body.read(position)), signal)).length;
    }
  } finally {
    body.close();
  }
  return digest.finish();
}

export function openPartBody(
  source: Source,
  { start, end }: Part,
  digest: Digest,
  pool: BufferPool,
): PartBody {
  const size = end - start;
  const buffer = pool.take(size);
  let isReading = false;
  let inUse: Promise<unknown> | undefined;

  async function fill(position: number): Promise<Uint8Array> {
    const chunk = buffer.subarray(0, Math.min(buffer.length, size - position));
    await source.read(chunk, start + position);
    digest.update(chunk);
    return chunk;
  }

  function use(work: Promise<unknown>): void {
    const end = (): void => {
      if (inUse === work) inUse = undefined;
    };
    inUse = work;
    work.then(end, end);
  }

  return {
    size,
    read(position) {
      isReading = true;
      const reading = fill(position);
      use(reading);
      return reading.finally(() => (isReading = false));
    },
    usedUntil: use,
    isReading: () => isReading,
    close() {
      const give = (): void => pool.give(buffer);
      if (inUse) void inUse.then(give, give);
      else give();
    },
  };
}
