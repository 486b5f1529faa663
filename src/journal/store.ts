import { readFileSync, statSync } from 'node:fs';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { UploadFailure } from '../core/errors.js';
import { DamagedRecord } from './fields.js';
import { openGate } from './gate.js';
import { openEnvironment, type Environment, type Tables } from './tables.js';
import { damaged, unwritable } from './unwritable.js';

/** The database: transactions, one after the other, each on disk before its promise resolves. */
export interface Store {
  /**
   * Runs `work` in a transaction, together with everything else that was asked for meanwhile. Where it
   * meets a damaged record it alone fails, `journal-unreadable`, and what it wrote before that stays.
   */
  transact<T>(work: (tables: Tables) => T): Promise<T>;
  close(): Promise<void>;
}

/** What became of one work of a transaction. */
type Result = { readonly value: unknown } | { readonly failure: UploadFailure };

interface Pending {
  readonly work: (tables: Tables) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Opens or creates the database in `file`. Throws `journal-unwritable`. */
export async function openStore(file: string): Promise<Store> {
  // lmdb takes some 80 ms to load, and `--help` needs none of it.
  const lmdb = await import('lmdb');
  try {
    const gate = await openGate(lmdb, file);
    return new LmdbStore(file, () => openEnvironment(lmdb, file, gate));
  } catch (error) {
    throw unwritable(file, error);
  }
}

/** The share of the time that may go into commits while there is much else to do. */
const COMMITTING = 0.05;
/** Nobody waits longer than this for others to join. */
const MAX_WAIT_MS = 60;
/** How often it is asked whether there is anything else to do, and how busy the event loop then is. */
const LOOK_MS = 2;
const BUSY = 0.5;
const TRIES = 2;
/**
 * Pages of the file that were looked at count as memory of the process, each with its neighbours,
 * until the file is mapped anew: a ledger of a million files has some gigabyte. A transaction that
 * reaches so much ends, and the rest is left to the next one.
 */
const MAX_PAGES = 48 * 1024 * 1024;
/** With less than this share of it left, the file is mapped anew. */
const ROOM = 0.5;
/** How many works go by between two looks at the memory. */
const WORKS_A_LOOK = 16;

/**
 * Writes are gathered and committed together, synchronously: lmdb's own background writer cannot
 * report a full disk except by unhandled rejections, which would end the process.
 */
class LmdbStore implements Store {
  readonly #file: string;
  readonly #open: () => Environment;
  #environment: Environment | undefined;
  #queue: Pending[] = [];
  #committing: Promise<void> | undefined;
  #lastCommitMs = 0;
  #lastBatch = 0;
  /** Of this process when the file was mapped. */
  #memoryBefore = 0;
  #pagesSeen = 0;
  #worksSince = 0;

  constructor(file: string, open: () => Environment) {
    this.#file = file;
    this.#open = open;
    this.#map();
  }

  transact<T>(work: (tables: Tables) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#committing ??= this.#commitAll();
    });
  }

  async close(): Promise<void> {
    await this.#committing;
    await this.#unmap();
  }

  async #commitAll(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#gather();
      await this.#commit(this.#queue.splice(0));
    }
    this.#committing = undefined;
  }

  /**
   * Gathers what belongs into one transaction while there is anything else to do. Whoever was alone
   * the last time waits for no more than what is about to be asked for.
   */
  async #gather(): Promise<void> {
    await turn();
    if (this.#lastBatch <= 1) return;
    const longestMs = Math.min(MAX_WAIT_MS, this.#lastCommitMs * (1 / COMMITTING - 1));
    const until = performance.now() + longestMs;
    let isBusy = true;
    while (isBusy && performance.now() < until) {
      const before = performance.eventLoopUtilization();
      await sleep(LOOK_MS);
      isBusy = performance.eventLoopUtilization(before).utilization > BUSY;
    }
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const begunAt = performance.now();
    try {
      const results = await this.#write(batch);
      results.forEach((result, index) => {
        if ('failure' in result) batch[index]?.reject(result.failure);
        else batch[index]?.resolve(result.value);
      });
      if (this.#pages() > MAX_PAGES * ROOM) await this.#unmap();
      this.#queue.unshift(...batch.slice(results.length));
    } catch (error) {
      const failure = isDatabaseError(error) ? unwritable(this.#file, error) : error;
      for (const { reject } of batch) reject(failure);
    }
    this.#lastCommitMs = performance.now() - begunAt;
    this.#lastBatch = batch.length;
  }

  /**
   * Runs a batch in one transaction, or as much of it as there is room for. lmdb refuses an
   * environment whose commit failed half way; a fresh one goes by what is on disk.
   */
  async #write(batch: readonly Pending[]): Promise<Result[]> {
    for (let tries = 1; ; tries++) {
      try {
        const { commit, tables } = this.#map();
        return commit(() => {
          const results: Result[] = [];
          for (const { work } of batch) {
            results.push(this.#resultOf(work, tables));
            this.#worksSince += 1;
            if (this.#pages() > MAX_PAGES) break;
          }
          return results;
        });
      } catch (error) {
        await this.#unmap();
        if (tries === TRIES || !isDatabaseError(error)) throw error;
      }
    }
  }

  #resultOf(work: Pending['work'], tables: Tables): Result {
    try {
      return { value: work(tables) };
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      return { failure: damaged(this.#file, error, 'journal-unreadable') };
    }
  }

  #map(): Environment {
    if (this.#environment === undefined) {
      this.#environment = this.#open();
      this.#memoryBefore = fileMemory();
      this.#pagesSeen = 0;
    }
    return this.#environment;
  }

  async #unmap(): Promise<void> {
    await this.#environment?.close();
    this.#environment = undefined;
  }

  /** Bytes of the file that counted as memory of this process at the last look; 0 where it is too small to matter. */
  #pages(): number {
    if (this.#worksSince >= WORKS_A_LOOK) {
      this.#worksSince = 0;
      const { size = 0 } = statSync(this.#file, { throwIfNoEntry: false }) ?? {};
      this.#pagesSeen = size > MAX_PAGES * ROOM ? fileMemory() - this.#memoryBefore : 0;
    }
    return this.#pagesSeen;
  }
}

/** Bytes of files that are memory of this process; 0 where the system does not tell. */
function fileMemory(): number {
  try {
    const [, kilobytes] =
      /RssFile:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** lmdb's and the system's errors carry a code; anything else thrown in a transaction is a bug. */
function isDatabaseError(error: unknown): boolean {
  return error instanceof UploadFailure || (error instanceof Error && 'code' in error);
}
