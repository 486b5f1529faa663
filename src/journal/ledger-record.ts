import type { FileId } from '../core/ids.js';
import type { Receipt } from '../core/model.js';
import {
  dateOf,
  fieldsOf,
  formatRecord,
  nested,
  numberOf,
  optional,
  parseRecord,
  textOf,
  textOrNullOf,
} from './fields.js';
import type { Fields } from './fields.js';
import type { Place } from './keys.js';
import type { UploadedFiles } from './uploaded-files.js';

/** What was uploaded, by the identity of its source. */
export interface LedgerRecord {
  readonly receipt: Receipt;
  /** Where the index by content leads here from; absent where the content was not verified. */
  readonly contentKey?: string;
  /** What the index by storage path knows of it; absent where the service chose the path. */
  readonly place?: Place;
  readonly files: UploadedFiles;
  /** The options that became properties of the media, as `keptOptions` tells them. */
  readonly options: Readonly<Record<string, string>>;
  /** Entries grow old from here: a file that every run passes over is not forgotten. */
  readonly seenAt: Date;
}

export function formatLedger({ files, ...record }: LedgerRecord): string {
  const isPlain = files.cover === undefined && files.segments === undefined;
  return formatRecord(isPlain ? record : { ...record, files });
}

export function parseLedger(text: string | undefined): LedgerRecord | undefined {
  return parseRecord(text, (fields) => ({
    receipt: receiptOf(fieldsOf(fields['receipt'])),
    ...optional(fields, 'contentKey', textOf),
    ...optional(fields, 'place', nested(placeOf)),
    files: {},
    ...optional(fields, 'files', nested(filesOf)),
    options: fieldsOf(fields['options']) as Readonly<Record<string, string>>,
    seenAt: dateOf(fields, 'seenAt'),
  }));
}

function placeOf(fields: Fields): Place {
  return { key: textOf(fields, 'key'), source: textOf(fields, 'source') };
}

function filesOf(fields: Fields): UploadedFiles {
  return {
    ...optional(fields, 'cover', nested(coverOf)),
    ...optional(fields, 'segments', textOf),
  };
}

function coverOf(fields: Fields): NonNullable<UploadedFiles['cover']> {
  return { size: numberOf(fields, 'size'), ...optional(fields, 'mtimeNs', textOf) };
}

function receiptOf(fields: Fields): Receipt {
  const storage = fieldsOf(fields['storage']);
  const requestIds = fieldsOf(fields['requestIds']);
  return {
    fileId: textOf<FileId>(fields, 'fileId'),
    mediaUrl: textOrNullOf(fields, 'mediaUrl'),
    coverUrl: textOrNullOf(fields, 'coverUrl'),
    storage: {
      bucket: textOf(storage, 'bucket'),
      region: textOf(storage, 'region'),
      path: textOf(storage, 'path'),
    },
    crc64: textOrNullOf(fields, 'crc64'),
    ...optional(fields, 'coverCrc64', textOrNullOf),
    requestIds: {
      apply: textOrNullOf(requestIds, 'apply'),
      commit: textOrNullOf(requestIds, 'commit'),
    },
  };
}
