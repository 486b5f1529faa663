import { usageError } from '../core/errors.js';

/** Node's types leave this to the browser's. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => ChunkMemory;
};

/** Memory that crc64.wat reads in place. Only what was written to counts as used. */
export interface ChunkMemory {
  readonly buffer: ArrayBuffer;
}

const WASM_PAGE = 65_536;
const PAGE = 4096;

/** What lies before the chunks: crc64.wat's own, and a place for bytes that are no chunk. */
const KERNEL_SIZE = WASM_PAGE;
export const GUEST = { start: KERNEL_SIZE, size: WASM_PAGE } as const;
/** For the chunks of more bodies than there are connections. */
const CHUNKS_SIZE = 32 * 1024 * 1024;

let memory: ChunkMemory | undefined;
let free = GUEST.start + GUEST.size;

/** Throws UsageError where the process may not have the addresses for it. */
export function chunkMemory(): ChunkMemory {
  return (memory ??= reserve());
}

function reserve(): ChunkMemory {
  // Its address holds for good: it never grows.
  const pages = (KERNEL_SIZE + GUEST.size + CHUNKS_SIZE) / WASM_PAGE;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // V8 leaves room for every address that a module could name, so that it need not check any.
    throw usageError(
      'the limit of virtual memory is too low: checksums need 10 GiB of addresses',
      'Raise it (ulimit -v), or set NODE_OPTIONS=--disable-wasm-trap-handler (Node 20.15 or later).',
    );
  }
}

/**
 * A buffer for good. As long as there is room it begins at a page, where the kernel fills and sends it
 * for half the CPU time that the sixteenth byte of one costs, and where its CRC-64 needs no copy.
 */
export function allocateChunk(length: number): Buffer {
  const { buffer } = chunkMemory();
  if (free + length > buffer.byteLength) return Buffer.allocUnsafeSlow(length);
  const chunk = Buffer.from(buffer, free, length);
  free += Math.ceil(length / PAGE) * PAGE;
  return chunk;
}
