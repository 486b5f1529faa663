import type { UploadId } from '../core/ids.js';
import type { Checkpoint, ObjectCheckpoint, Session } from '../core/model.js';
import {
  dateOf,
  fieldsOf,
  formatRecord,
  listOf,
  nested,
  numberOf,
  optional,
  parseRecord,
  textOf,
} from './fields.js';
import type { Fields } from './fields.js';
import type { SecretsPlace } from './session-files.js';

/** How far a job has come: all its objects, or those that have changed. */
export interface ProgressRecord {
  readonly objects: readonly ObjectCheckpoint[];
  readonly phase: Checkpoint['phase'];
  readonly updatedAt: Date;
  /** By how much the service's time was later than the local clock then, in milliseconds. */
  readonly clockOffsetMs: number;
}

/** A checkpoint as the database keeps it: all but the secrets, and where those are. */
export interface CheckpointRecord extends ProgressRecord {
  readonly secrets: SecretsPlace;
  readonly session: Omit<Session, 'sessionKey' | 'credentials'>;
}

export function formatCheckpoint(
  session: Session,
  secrets: SecretsPlace,
  progress: ProgressRecord,
): string {
  const { subAppId, bucket, region, mediaKey, coverKey, expiresAt, requestId } = session;
  return formatRecord({
    secrets,
    session: { subAppId, bucket, region, mediaKey, coverKey, expiresAt, requestId },
    ...progress,
  });
}

export function formatProgress(progress: ProgressRecord): string {
  return formatRecord(progress);
}

export function parseProgress(text: string): ProgressRecord {
  return parseRecord(text, progressOf);
}

export function parseCheckpoint(text: string | undefined): CheckpointRecord | undefined {
  return parseRecord(text, (fields) => ({
    secrets: secretsPlaceOf(fieldsOf(fields['secrets'])),
    session: sessionOf(fieldsOf(fields['session'])),
    ...progressOf(fields),
  }));
}

function progressOf(fields: Fields): ProgressRecord {
  return {
    objects: listOf(fields, 'objects').map(objectOf),
    phase: phaseOf(fields),
    updatedAt: dateOf(fields, 'updatedAt'),
    clockOffsetMs: 0,
    ...optional(fields, 'clockOffsetMs', numberOf),
  };
}

function secretsPlaceOf(fields: Fields): SecretsPlace {
  return {
    file: textOf(fields, 'file'),
    at: numberOf(fields, 'at'),
    length: numberOf(fields, 'length'),
    tag: textOf(fields, 'tag'),
  };
}

function sessionOf(fields: Fields): CheckpointRecord['session'] {
  return {
    ...optional(fields, 'subAppId', numberOf),
    bucket: textOf(fields, 'bucket'),
    region: textOf(fields, 'region'),
    mediaKey: textOf(fields, 'mediaKey'),
    ...optional(fields, 'coverKey', textOf),
    expiresAt: dateOf(fields, 'expiresAt'),
    requestId: textOf(fields, 'requestId'),
  };
}

function objectOf(fields: Fields): ObjectCheckpoint {
  return {
    key: textOf(fields, 'key'),
    partSize: numberOf(fields, 'partSize'),
    ...optional(fields, 'larger', nested(largerOf)),
    ...optional(fields, 'uploadId', textOf<UploadId>),
    ...optional(fields, 'completing', () => fields['completing'] === true),
    ...optional(fields, 'stored', nested(storedOf)),
  };
}

function largerOf(fields: Fields): NonNullable<ObjectCheckpoint['larger']> {
  return { from: numberOf(fields, 'from'), partSize: numberOf(fields, 'partSize') };
}

function storedOf(fields: Fields): { readonly crc64?: string } {
  return optional(fields, 'crc64', textOf);
}

function phaseOf(fields: Fields): Checkpoint['phase'] {
  const phase = textOf(fields, 'phase');
  if (phase === 'sending' || phase === 'assembled' || phase === 'committing') return phase;
  throw new TypeError(`${phase} is no phase`);
}
