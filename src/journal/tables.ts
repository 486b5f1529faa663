import { accessSync, constants, statSync } from 'node:fs';
import type * as Lmdb from 'lmdb';
import { gateOf, openGate, type Gate } from './gate.js';
import { openDatabase } from './open-database.js';
import { unreadable } from './unwritable.js';

/** One sorted table of text by text; every call belongs inside `transact`. */
export interface Table {
  get(key: string): string | undefined;
  put(key: string, value: string): void;
  remove(key: string): void;
  /** Entries with `after` < key < `before`, at most `limit`, in the order of their keys. */
  slice(limit: number, after?: string, before?: string): { key: string; value: string }[];
}

const TABLES = [
  'checkpoints',
  'additions',
  'jobs',
  'sources',
  'claims',
  'runs',
  'ledger',
  'contents',
  'ages',
  'places',
] as const;

export type Tables = Readonly<Record<(typeof TABLES)[number], Table>>;

/** The database, open for writing. */
export interface Environment {
  /** Runs `work` in one transaction, which is on disk on return. */
  readonly commit: <T>(work: () => T) => T;
  readonly tables: Tables;
  close(): Promise<void>;
}

/** Opens or creates the database in `file`. Throws the system's error, or lmdb's. */
export function openEnvironment(lmdb: typeof Lmdb, file: string, gate: Gate): Environment {
  const { ABORTABLE, SYNCHRONOUS_COMMIT } = lmdb.TransactionFlags;
  return gate.pass(() => {
    const root = openDatabase(lmdb, file, { readOnly: false });
    try {
      // Each would be made in a transaction of its own, which is on disk before the next begins.
      const tables = root.transactionSync(() => tablesOf(root), SYNCHRONOUS_COMMIT);
      return {
        commit: (work) =>
          gate.pass(() => root.transactionSync(work, ABORTABLE | SYNCHRONOUS_COMMIT)),
        tables,
        close: () => closeThrough(gate, root),
      };
    } catch (error) {
      // It may be opened again, and that once at a time.
      void root.close();
      throw error;
    }
  });
}

/** The tables, for looking only; undefined where there is no database. */
export async function openTables(
  file: string,
): Promise<{ readonly tables: Tables; close(): Promise<void> } | undefined> {
  // lmdb ends the process by a signal where it shall read a database that nothing was written to yet.
  if (!sizeOf(file) || sizeOf(`${file}-lock`) === undefined) return undefined;
  const lmdb = await import('lmdb');
  const open = () => openDatabase(lmdb, file, { readOnly: true });
  try {
    const gate = isWritable(gateOf(file)) ? await openGate(lmdb, file) : undefined;
    const root = gate ? gate.pass(open) : open();
    return { tables: readOnly(tablesOf(root)), close: () => closeThrough(gate, root) };
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Undefined where there is no such file. */
function sizeOf(file: string): number | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false })?.size;
  } catch (error) {
    throw unreadable(file, error);
  }
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whoever closes last destroys the locks, and must not do so while another opens. */
async function closeThrough(gate: Gate | undefined, root: Lmdb.RootDatabase): Promise<void> {
  let closed: Promise<void> | undefined;
  const close = (): void => void (closed = root.close());
  if (gate === undefined) close();
  else gate.pass(close);
  await closed;
}

function tablesOf(root: Lmdb.RootDatabase): Tables {
  const tables = TABLES.map((name) => [name, tableOf(root.openDB<string, string>(name, {}))]);
  return Object.fromEntries(tables) as Tables;
}

/** What is mended on the way is mended for whoever writes. */
function readOnly(tables: Tables): Tables {
  const views = Object.entries(tables).map(([name, table]) => [
    name,
    { ...table, put: () => undefined, remove: () => undefined },
  ]);
  return Object.fromEntries(views) as Tables;
}

/** Undefined: whoever only looks cannot make a table that is missing, and it counts as empty. */
function tableOf(database: Lmdb.Database<string, string> | undefined): Table {
  return {
    get: (key) => database?.get(key),
    put: (key, value) => void database?.putSync(key, value),
    remove: (key) => void database?.removeSync(key),
    slice: (limit, after, before) => {
      const range = {
        limit,
        ...(after === undefined ? {} : { start: after, exclusiveStart: true }),
        ...(before === undefined ? {} : { end: before }),
      };
      return [...(database?.getRange(range) ?? [])];
    },
  };
}
