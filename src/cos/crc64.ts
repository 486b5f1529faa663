import { readFileSync } from 'node:fs';

/** A CRC-64/XZ (the one of `x-cos-hash-crc64ecma`) that grows with what is read. */
export interface Crc64 {
  /** The bytes are copied out before this returns. */
  update(chunk: Uint8Array): void;
  /** Of all bytes so far; more may follow. */
  digest(): bigint;
}

/** Node's types leave this to the browser's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** What crc64.wat exports. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  update(state: bigint, length: number): bigint;
  combine(first: bigint, second: bigint, secondLength: number): bigint;
}

/** Where crc64.wat wants the data, and how much of it at once stays in a core's own cache. */
const DATA_OFFSET = 19_712;
const DATA_SIZE = 256 * 1024;

let loaded: { readonly kernel: Kernel; readonly data: Uint8Array } | undefined;

function load(): NonNullable<typeof loaded> {
  if (loaded === undefined) {
    const module = new WebAssembly.Module(readFileSync(new URL('crc64.wasm', import.meta.url)));
    const kernel = new WebAssembly.Instance(module).exports as Kernel;
    loaded = { kernel, data: new Uint8Array(kernel.memory.buffer, DATA_OFFSET, DATA_SIZE) };
  }
  return loaded;
}

/** Any number of these may be under way at once: they share one module and its memory. */
export function createCrc64(): Crc64 {
  const { kernel, data } = load();
  let state = -1n;
  return {
    update(chunk) {
      for (let start = 0; start < chunk.length; start += DATA_SIZE) {
        const piece = chunk.subarray(start, start + DATA_SIZE);
        data.set(piece);
        state = kernel.update(state, piece.length);
      }
    },
    digest: () => BigInt.asUintN(64, ~state),
  };
}

/** The CRC-64 of two messages joined, from those of each and the length of the second. */
export function combineCrc64(first: bigint, second: bigint, secondLength: number): bigint {
  return BigInt.asUintN(64, load().kernel.combine(first, second, secondLength));
}

/** As COS writes it: unsigned, decimal. */
export function formatCrc64(crc64: bigint): string {
  return BigInt.asUintN(64, crc64).toString();
}
