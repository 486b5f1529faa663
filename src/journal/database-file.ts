import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { damaged } from './unwritable.js';

const { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } = constants;

const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
/** The magic number follows a short page header. */
const HEADER_BYTES = 64;
/** Offsets from the magic number, as lmdb lays out its meta page (`MDB_meta`). */
const PAGE_SIZE_AT = 24;
const ROOTS_AT = [64, 112] as const;
const TRANSACTION_AT = 128;
const META_BYTES = 136;
/** The root of a tree without entries. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** Why a lock file cannot be written to. */
const PROTECTED = new Set<string | undefined>(['EACCES', 'EROFS']);

/** Another process may be about to write the first pages: so often it is looked again, after a pause. */
const LOOKS = 3;
const PAUSE_MS = 20;

/**
 * Throws `journal-unwritable` unless `file` is absent, empty, or begins as an lmdb database does
 * and holds the roots of its trees. lmdb maps the file into memory without asking: garbage or a
 * truncated file would end the process by a signal, with nothing said.
 */
export function assertDatabaseFile(file: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    for (let look = 1; look <= LOOKS; look++) {
      if (fstatSync(descriptor).size === 0 || isWhole(descriptor)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  } finally {
    closeSync(descriptor);
  }
  throw damaged(file);
}

/**
 * Throws the system's error unless all can be opened that lmdb keeps open: where lmdb cannot, it ends
 * the process by a signal. Not to be asked while this process has the database open, since closing any
 * descriptor of the lock file gives up the locks that it has on it.
 */
export function assertOpenable(file: string, { readOnly }: { readonly readOnly: boolean }): void {
  const descriptors: number[] = [];
  const open = (path: string, flags: number): void => {
    descriptors.push(openSync(path, flags, 0o600));
  };
  try {
    try {
      open(`${file}-lock`, O_RDWR | O_CREAT);
    } catch (error) {
      // Whoever only reads does without one.
      if (!readOnly || !PROTECTED.has((error as NodeJS.ErrnoException).code)) throw error;
    }
    open(file, readOnly ? O_RDONLY : O_RDWR | O_CREAT);
    if (!readOnly) open(file, O_WRONLY);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

function isWhole(descriptor: number): boolean {
  const first = Buffer.alloc(HEADER_BYTES + META_BYTES);
  readSync(descriptor, first, 0, first.length, 0);
  const at = first.subarray(0, HEADER_BYTES).indexOf(MAGIC);
  if (at < 0) return false;
  const pageSize = first.readUInt32LE(at + PAGE_SIZE_AT);
  if (pageSize < 512) return false;
  const second = Buffer.alloc(first.length);
  readSync(descriptor, second, 0, second.length, pageSize);
  if (!second.subarray(at, at + MAGIC.length).equals(MAGIC)) return false;
  const newer =
    first.readBigUInt64LE(at + TRANSACTION_AT) < second.readBigUInt64LE(at + TRANSACTION_AT)
      ? second
      : first;
  // Asked last, since other processes may make the file longer, and never shorter.
  const { size } = fstatSync(descriptor);
  return ROOTS_AT.every((root) => holds(newer.readBigUInt64LE(at + root)));

  function holds(page: bigint): boolean {
    return page === NO_PAGE || (page + 1n) * BigInt(pageSize) <= BigInt(size);
  }
}
