import type { JobId } from '../core/ids.js';
import type { ApplyRequest, Job, Receipt, UploadedAs } from '../core/model.js';
import type { Replaced } from '../core/ports.js';
import { MEDIA_KEPT_MS } from './expiry.js';
import { unlessDamaged } from './fields.js';
import { changedOptions, keptOptions, toldOptions } from './kept-options.js';
import { contentKeyOf, placeOf } from './keys.js';
import type { Place } from './keys.js';
import { formatLedger, parseLedger } from './ledger-record.js';
import type { LedgerRecord } from './ledger-record.js';
import type { Tables } from './tables.js';
import { changedFiles, uploadedFilesOf, withoutTimes } from './uploaded-files.js';

const DAY_MS = 86_400_000;
/** How exactly the last question is remembered: a run over old files should write little. */
const SEEN_PRECISION_MS = 30 * DAY_MS;

/**
 * Enters what was uploaded, by the identity of its source, by its content and by the storage path that was
 * asked for. The entry whose bytes had that path goes: returns its media where that was of another file.
 */
export function enter(tables: Tables, job: Job, receipt: Receipt, now: Date): Replaced | undefined {
  const contentKey = contentKeyOf(job, receipt.crc64 ?? job.crc64);
  const place = placeOf(job, receipt);
  const replaced = place && dropReplaced(tables, job.id, place);
  replace(tables, job.id, {
    receipt,
    ...(contentKey === undefined ? {} : { contentKey }),
    ...(place === undefined ? {} : { place }),
    files: uploadedFilesOf(job, receipt.coverCrc64 !== undefined),
    options: keptOptions(requestOf(job, receipt)),
    seenAt: now,
  });
  return replaced;
}

function dropReplaced(tables: Tables, id: JobId, { key, source }: Place): Replaced | undefined {
  const before = tables.places.get(key);
  if (before === undefined || before === id) return undefined;
  // A media that was committed is on record, whatever was damaged before.
  const entry = unlessDamaged(() => parseLedger(tables.ledger.get(before)), undefined);
  // It may have been uploaded again since, elsewhere: that media is as it was.
  if (entry?.place?.key !== key) return undefined;
  drop(tables, before, entry);
  const { fileId } = entry.receipt;
  return entry.place.source === source ? undefined : { fileId, source: entry.place.source };
}

/** What the media has become: a cover that was dropped is none of its options. */
function requestOf({ request }: Job, { coverCrc64 }: Receipt): ApplyRequest {
  const { coverType, ...withoutCover } = request;
  return coverType === undefined || coverCrc64 !== undefined ? request : withoutCover;
}

/**
 * The entry of a job: by its path, size and time, or, where its content is known, by that alone. An
 * entry whose content was never verified is found by path even then.
 */
export function find(
  tables: Tables,
  job: Job,
): { readonly id: JobId; readonly record: LedgerRecord } | undefined {
  const own = entryOf(tables, job.id);
  const wanted = contentKeyOf(job, job.crc64);
  if (wanted === undefined || (own && (own.contentKey ?? wanted) === wanted)) {
    return own && { id: job.id, record: own };
  }
  const id = tables.contents.get(wanted) as JobId | undefined;
  const record = id === undefined ? undefined : entryOf(tables, id);
  return id && record?.contentKey === wanted ? { id, record } : undefined;
}

/** The entry, unless its storage path has gone to another media: an entry may have copies, and one alone is dropped. */
function entryOf(tables: Tables, id: JobId): LedgerRecord | undefined {
  const entry = parseLedger(tables.ledger.get(id));
  if (entry?.place === undefined) return entry;
  const holder = tables.places.get(entry.place.key);
  const there = holder === undefined ? undefined : parseLedger(tables.ledger.get(holder));
  return there === undefined || there.receipt.fileId === entry.receipt.fileId ? entry : undefined;
}

/** Finds the entry of a job, marks it as asked for, and enters it under this job's path as well. */
export function consult(tables: Tables, job: Job, now: Date): LedgerRecord | undefined {
  const found = find(tables, job);
  if (found === undefined) return undefined;
  const { id } = found;
  const files = id === job.id ? found.record.files : withoutTimes(found.record.files);
  const record = { ...found.record, files };
  if (id !== job.id || now.getTime() - record.seenAt.getTime() > SEEN_PRECISION_MS) {
    replace(tables, job.id, { ...record, seenAt: now });
  }
  return record;
}

/** What a run is told of an entry: what was uploaded, and what differs from that now. */
export function compare(
  { receipt, options, files }: LedgerRecord,
  job: Job,
): { readonly receipt: Receipt; readonly was: UploadedAs; readonly changedOptions: string[] } {
  const coverSize = files.cover?.size;
  const was = {
    ...toldOptions(options),
    ...(coverSize === undefined ? {} : { coverSize }),
  };
  const changed = changedOptions(options, keptOptions(job.request));
  return { receipt, was, changedOptions: [...changed, ...changedFiles(files, job)].sort() };
}

/** Drops up to `limit` entries that nobody has asked for in two years; returns how many. */
export function dropOldEntries(tables: Tables, now: Date, limit: number): number {
  const tooOld = ageKeyOf(new Date(now.getTime() - MEDIA_KEPT_MS), '');
  const old = tables.ages.slice(limit, undefined, tooOld);
  for (const { key } of old) {
    const id = key.slice(key.indexOf('/') + 1);
    const entry = unlessDamaged(() => parseLedger(tables.ledger.get(id)), undefined);
    tables.ages.remove(key);
    // Written anew over one that was damaged, and seen since.
    if (entry !== undefined && ageKeyOf(entry.seenAt, id) !== key) continue;
    if (entry !== undefined) drop(tables, id, entry);
    tables.ledger.remove(id);
  }
  return old.length;
}

/** Takes an entry out of every index that leads to it. */
function drop(tables: Tables, id: string, { contentKey, place, seenAt }: LedgerRecord): void {
  if (contentKey !== undefined && tables.contents.get(contentKey) === id) {
    tables.contents.remove(contentKey);
  }
  if (place !== undefined && tables.places.get(place.key) === id) tables.places.remove(place.key);
  tables.ages.remove(ageKeyOf(seenAt, id));
  tables.ledger.remove(id);
}

/** Writes the entry, and what leads to it in every index instead of what led to the one before. */
function replace(tables: Tables, id: JobId, record: LedgerRecord): void {
  const before = unlessDamaged(() => parseLedger(tables.ledger.get(id)), undefined);
  if (before !== undefined) drop(tables, id, before);
  const { contentKey, place, seenAt } = record;
  if (contentKey !== undefined) tables.contents.put(contentKey, id);
  if (place !== undefined) tables.places.put(place.key, id);
  tables.ages.put(ageKeyOf(seenAt, id), '1');
  tables.ledger.put(id, formatLedger(record));
}

/** Sorts by day, so that what is old is found without a look at the rest. */
function ageKeyOf(seenAt: Date, id: string): string {
  const day = Math.max(0, Math.floor(seenAt.getTime() / DAY_MS));
  return `${String(day).padStart(8, '0')}/${id}`;
}
