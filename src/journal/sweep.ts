import type { JobId } from '../core/ids.js';
import { leaseIn } from './claims.js';
import { isExpired, isForgettable, localTime } from './expiry.js';
import type { Moment } from './expiry.js';
import { unlessDamaged } from './fields.js';
import { isLive } from './leases.js';
import type { Lease } from './leases.js';
import { dropOldEntries } from './ledger.js';
import type { SessionFiles } from './session-files.js';
import type { Store } from './store.js';
import type { Tables } from './tables.js';
import { dropUnfinished, readUnfinished } from './unfinished.js';

const DAY_MS = 86_400_000;
/** So much a clock may be ahead that no answer of the service has told to be right. */
const DOUBT_MS = DAY_MS;
/** Entries a transaction, so that no other run waits long. */
const SLICE = 500;

/** How much of each kind was dropped. */
export interface Swept {
  /** Leases of runs that are gone. */
  readonly runs: number;
  /** Claims of runs that are gone. */
  readonly claims: number;
  /** Unfinished jobs that can no longer be finished. */
  readonly checkpoints: number;
  /** Secrets of sessions that are over. */
  readonly secrets: number;
  /** Ledger entries that no run has asked for in two years. */
  readonly ledgerEntries: number;
}

export interface SweepOptions extends Moment {
  readonly store: Store;
  readonly files: SessionFiles;
  readonly lease: Lease;
  /** How many things of each kind to look at. */
  readonly limit: number;
}

/** Drops what has expired and what runs left behind that are gone. */
export async function sweep(options: SweepOptions): Promise<Swept> {
  const { store, now, limit } = options;
  const gone = await dropGone(options);
  const checkpoints = await dropWhere(store, 'checkpoints', limit, (tables, key) => {
    const id = key as JobId;
    if (tables.claims.get(id) !== undefined) return false;
    const record = unlessDamaged(() => readUnfinished(tables, id), undefined);
    if (record === undefined || !isForgettable(record.checkpoint, options)) return false;
    dropUnfinished(tables, id);
    return true;
  });
  const secrets = await dropSecrets(options);
  const ledgerEntries = await dropLedgerEntries(store, now, limit);
  return { ...gone, checkpoints, secrets, ledgerEntries };
}

/** Drops secrets that no job names, and those that are over however wrong the clock may be. */
export async function sweepSecrets(options: SweepOptions): Promise<void> {
  await dropGone(options);
  await dropSecrets({ ...options, now: new Date(options.now.getTime() - DOUBT_MS) });
}

/** Drops what makes runs known that are gone. */
async function dropGone(options: SweepOptions): Promise<Pick<Swept, 'runs' | 'claims'>> {
  const { store, lease, limit } = options;
  const localNow = localTime(options);
  const runs = await dropWhere(store, 'runs', limit, (tables, runId) => {
    const run = leaseIn(tables, runId, localNow);
    return run !== undefined && runId !== lease.runId && !isLive(run, lease, localNow);
  });
  const claims = await dropWhere(
    store,
    'claims',
    limit,
    (tables, _key, runId) => tables.runs.get(runId) === undefined,
  );
  return { runs, claims };
}

/** Walks a table slice by slice and removes what `isOver` says. */
async function dropWhere(
  store: Store,
  name: keyof Tables,
  limit: number,
  isOver: (tables: Tables, key: string, value: string) => boolean,
): Promise<number> {
  let dropped = 0;
  let after: string | undefined;
  for (let looked = 0; looked < limit;) {
    const slice = await store.transact((tables) => {
      const entries = tables[name].slice(Math.min(SLICE, limit - looked), after);
      const over = entries.filter(({ key, value }) => isOver(tables, key, value));
      for (const { key } of over) tables[name].remove(key);
      return { length: entries.length, dropped: over.length, last: entries.at(-1)?.key };
    });
    if (slice.last === undefined) break;
    dropped += slice.dropped;
    looked += slice.length;
    after = slice.last;
  }
  return dropped;
}

/** Erases secrets that no job can use, inside a transaction, so that no run claims meanwhile. */
async function dropSecrets({ store, files, limit, ...moment }: SweepOptions): Promise<number> {
  const isOver = (tables: Tables, id: JobId, tag: string): boolean => {
    const found = unlessDamaged(() => readUnfinished(tables, id), 'damaged');
    if (found === 'damaged') return false;
    const record = found?.checkpoint;
    if (record?.secrets.tag !== tag) return true;
    return tables.claims.get(id) === undefined && isExpired(record, moment);
  };
  let dropped = 0;
  for (const runId of await files.list(limit)) {
    dropped += await store.transact((tables) => {
      // A run erases what it wrote itself as long as it lives.
      if (tables.runs.get(runId) !== undefined) return 0;
      return files.sweep(runId, (id, tag) => isOver(tables, id, tag));
    });
  }
  return dropped;
}

async function dropLedgerEntries(store: Store, now: Date, limit: number): Promise<number> {
  let dropped = 0;
  while (dropped < limit) {
    const wanted = Math.min(SLICE, limit - dropped);
    const got = await store.transact((tables) => dropOldEntries(tables, now, wanted));
    dropped += got;
    if (got < wanted) break;
  }
  return dropped;
}
