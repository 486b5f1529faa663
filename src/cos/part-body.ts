import { UploadFailure } from '../core/errors.js';
import type { OpenSource } from '../core/ports.js';
import { visible } from '../core/text.js';
import type { Body } from '../net/request.js';
import type { Digest } from './digest.js';

/** Large enough that system calls do not show, small enough that 64 connections stay small. */
export const CHUNK_SIZE = 512 * 1024;

/** Buffers for chunks, kept for the next request: memory follows the connections, not the bytes. */
export interface ChunkPool {
  take(): Buffer;
  give(buffer: Buffer): void;
}

export function createChunkPool(): ChunkPool {
  const free: Buffer[] = [];
  return {
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_SIZE),
    give: (buffer) => void free.push(buffer),
  };
}

/** Bytes [start, end) of a source as the body of one request, digested as they are read. */
export interface PartBody extends Body {
  /** Whether every byte went through the digest. */
  isComplete(): boolean;
  /** Gives the buffers back, once nothing is being read into them. */
  close(): Promise<void>;
}

export function openPartBody(
  source: OpenSource,
  start: number,
  end: number,
  digest: Digest,
  pool: ChunkPool,
): PartBody {
  const size = end - start;
  const buffers = [pool.take(), pool.take()] as const;
  let turn = 0;
  let done = 0;
  let reading: Promise<unknown> = Promise.resolve();

  async function fill(position: number): Promise<Uint8Array> {
    turn = 1 - turn;
    const chunk = (buffers[turn] as Buffer).subarray(0, Math.min(CHUNK_SIZE, size - position));
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
      buffers.forEach((buffer) => pool.give(buffer));
    },
  };
}
