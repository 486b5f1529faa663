import type { JobId } from '../core/ids.js';
import type { Job, Receipt } from '../core/model.js';
import { contentKeyOf, fingerprintsOf, formatLedger, parseLedger } from './records.js';
import type { LedgerRecord } from './records.js';
import type { Tables } from './store.js';

const DAY_MS = 86_400_000;
/** An entry that no run has asked for in this long is dropped. */
const KEPT_MS = 730 * DAY_MS;
/** How exactly the last question is remembered: a run over old files should write little. */
const SEEN_PRECISION_MS = 30 * DAY_MS;

/** Enters what was uploaded, by the identity of its source and by its content. */
export function enter(tables: Tables, job: Job, receipt: Receipt, now: Date): void {
  const { subAppId } = job.request;
  const contentKey =
    receipt.crc64 === null ? undefined : contentKeyOf(subAppId, job.media.size, receipt.crc64);
  if (contentKey !== undefined) tables.contents.put(contentKey, job.id);
  replace(tables, job.id, {
    receipt,
    ...(contentKey === undefined ? {} : { contentKey }),
    options: fingerprintsOf(job.request),
    seenAt: now,
  });
}

/** The entry of a source, which is marked as asked for. */
export function consult(tables: Tables, id: JobId, now: Date): LedgerRecord | undefined {
  const record = parseLedger(tables.ledger.get(id));
  if (record !== undefined && now.getTime() - record.seenAt.getTime() > SEEN_PRECISION_MS) {
    replace(tables, id, { ...record, seenAt: now });
  }
  return record;
}

/** Drops up to `limit` entries that nobody has asked for in two years; returns how many. */
export function dropOldEntries(tables: Tables, now: Date, limit: number): number {
  const tooOld = ageKeyOf(new Date(now.getTime() - KEPT_MS), '');
  const old = tables.ages.slice(limit, undefined, tooOld);
  for (const { key } of old) {
    const id = key.slice(key.indexOf('/') + 1);
    const contentKey = parseLedger(tables.ledger.get(id))?.contentKey;
    if (contentKey !== undefined && tables.contents.get(contentKey) === id) {
      tables.contents.remove(contentKey);
    }
    tables.ledger.remove(id);
    tables.ages.remove(key);
  }
  return old.length;
}

/** Writes the entry and moves it in the index by age. */
function replace(tables: Tables, id: JobId, record: LedgerRecord): void {
  const before = parseLedger(tables.ledger.get(id));
  if (before !== undefined) tables.ages.remove(ageKeyOf(before.seenAt, id));
  tables.ages.put(ageKeyOf(record.seenAt, id), '1');
  tables.ledger.put(id, formatLedger(record));
}

/** Sorts by day, so that what is old is found without a look at the rest. */
function ageKeyOf(seenAt: Date, id: string): string {
  const day = Math.max(0, Math.floor(seenAt.getTime() / DAY_MS));
  return `${String(day).padStart(8, '0')}/${id}`;
}
