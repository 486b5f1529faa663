import { readFileSync } from 'node:fs';
import { chunkMemory, GUEST, type ChunkMemory } from './chunk-memory.js';

/** A CRC-64/XZ (the one of `x-cos-hash-crc64ecma`) that grows with what is read. */
export interface Crc64 {
  /** Chunks of `allocateChunk` are read where they are, all others copied first. */
  update(chunk: Uint8Array): void;
  /** Of all bytes so far; more may follow. */
  digest(): bigint;
}

/** Node's types leave this to the browser's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { chunks: { memory: ChunkMemory } },
  ) => { readonly exports: object };
};

/** What crc64.wat exports. */
interface Kernel {
  update(state: bigint, start: number, length: number): bigint;
  combine(first: bigint, second: bigint, secondLength: number): bigint;
}

/** Read with the program: once there are connections, there may be no descriptor left for it. */
const CODE = readFileSync(new URL('crc64.wasm', import.meta.url));

let loaded: Kernel | undefined;

function load(): Kernel {
  if (loaded === undefined) {
    const module = new WebAssembly.Module(CODE);
    const imports = { chunks: { memory: chunkMemory() } };
    loaded = new WebAssembly.Instance(module, imports).exports as Kernel;
  }
  return loaded;
}

/** Any number of these may be under way at once: they share one module and its memory. */
export function createCrc64(): Crc64 {
  const kernel = load();
  const { buffer } = chunkMemory();
  let state = -1n;
  return {
    update(chunk) {
      if (chunk.buffer === buffer) {
        state = kernel.update(state, chunk.byteOffset, chunk.length);
        return;
      }
      const guest = new Uint8Array(buffer, GUEST.start, GUEST.size);
      for (let start = 0; start < chunk.length; start += GUEST.size) {
        const piece = chunk.subarray(start, start + GUEST.size);
        guest.set(piece);
        state = kernel.update(state, GUEST.start, piece.length);
      }
    },
    digest: () => BigInt.asUintN(64, ~state),
  };
}

/** The CRC-64 of two messages joined, from those of each and the length of the second. */
export function combineCrc64(first: bigint, second: bigint, secondLength: number): bigint {
  return BigInt.asUintN(64, load().combine(first, second, secondLength));
}
