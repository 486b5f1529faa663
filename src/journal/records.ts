import type { FileId, JobId, UploadId } from '../core/ids.js';
import type {
  ApplyRequest,
  Checkpoint,
  Job,
  ObjectCheckpoint,
  Receipt,
  Segment,
  Session,
  SourceFile,
} from '../core/model.js';
import { digest } from './digest.js';
import {
  bigintOf,
  dateOf,
  fieldsOf,
  formatRecord,
  listOf,
  numberOf,
  optionalTextOf,
  parseRecord,
  textOf,
  textOrNullOf,
} from './fields.js';
import type { Fields } from './fields.js';
import type { SecretsPlace } from './session-files.js';
import type { UploadedFiles } from './uploaded-files.js';

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

/** A storage path that was asked for, and the real path of the file that was sent there. */
export interface Place {
  readonly key: string;
  readonly source: string;
}

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

export function parseProgress(text: string | undefined): ProgressRecord | undefined {
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
    clockOffsetMs: fields['clockOffsetMs'] === undefined ? 0 : numberOf(fields, 'clockOffsetMs'),
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
  const coverKey = optionalTextOf(fields, 'coverKey');
  return {
    ...(fields['subAppId'] === undefined ? {} : { subAppId: numberOf(fields, 'subAppId') }),
    bucket: textOf(fields, 'bucket'),
    region: textOf(fields, 'region'),
    mediaKey: textOf(fields, 'mediaKey'),
    ...(coverKey === undefined ? {} : { coverKey }),
    expiresAt: dateOf(fields, 'expiresAt'),
    requestId: textOf(fields, 'requestId'),
  };
}

function objectOf(fields: Fields): ObjectCheckpoint {
  const uploadId = optionalTextOf(fields, 'uploadId');
  return {
    key: textOf(fields, 'key'),
    partSize: numberOf(fields, 'partSize'),
    ...(fields['larger'] === undefined ? {} : { larger: largerOf(fieldsOf(fields['larger'])) }),
    ...(uploadId === undefined ? {} : { uploadId: uploadId as UploadId }),
    ...(fields['completing'] === undefined ? {} : { completing: fields['completing'] === true }),
    ...(fields['stored'] === undefined ? {} : { stored: storedOf(fieldsOf(fields['stored'])) }),
  };
}

function largerOf(fields: Fields): NonNullable<ObjectCheckpoint['larger']> {
  return { from: numberOf(fields, 'from'), partSize: numberOf(fields, 'partSize') };
}

function storedOf(fields: Fields): { readonly crc64?: string } {
  const crc64 = optionalTextOf(fields, 'crc64');
  return crc64 === undefined ? {} : { crc64 };
}

function phaseOf(fields: Fields): Checkpoint['phase'] {
  const phase = textOf(fields, 'phase');
  if (phase === 'sending' || phase === 'assembled' || phase === 'committing') return phase;
  throw new TypeError(`${phase} is no phase`);
}

export function formatJob(job: Job): string {
  return formatRecord({
    id: job.id,
    scope: job.scope,
    media: plain(job.media),
    cover: job.cover && plain(job.cover),
    segments: job.segments.map((file) => ({ ...plain(file), relativeKey: file.relativeKey })),
    request: job.request,
    extra: job.extra,
  });
}

export function parseJob(text: string | undefined): Job | undefined {
  return parseRecord(text, (fields) => {
    const request = fieldsOf(fields['request']);
    textOf(request, 'mediaType');
    textOf(request, 'mediaName');
    const scope = optionalTextOf(fields, 'scope');
    return {
      id: textOf(fields, 'id') as JobId,
      ...(scope === undefined ? {} : { scope }),
      media: sourceOf(fieldsOf(fields['media'])),
      ...(fields['cover'] === undefined ? {} : { cover: sourceOf(fieldsOf(fields['cover'])) }),
      segments: listOf(fields, 'segments').map(segmentOf),
      request: request as unknown as ApplyRequest,
      ...(fields['extra'] === undefined ? {} : { extra: fieldsOf(fields['extra']) }),
    };
  });
}

function plain({ path, realPath, size, mtimeNs, inode }: SourceFile): object {
  return { path, realPath, size, mtimeNs: String(mtimeNs), inode: String(inode) };
}

function sourceOf(fields: Fields): SourceFile {
  return {
    path: textOf(fields, 'path'),
    realPath: textOf(fields, 'realPath'),
    size: numberOf(fields, 'size'),
    mtimeNs: bigintOf(fields, 'mtimeNs'),
    inode: bigintOf(fields, 'inode'),
  };
}

function segmentOf(fields: Fields): Segment {
  return { ...sourceOf(fields), relativeKey: textOf(fields, 'relativeKey') };
}

export function formatLedger({ files, ...record }: LedgerRecord): string {
  const isPlain = files.cover === undefined && files.segments === undefined;
  return formatRecord(isPlain ? record : { ...record, files });
}

export function parseLedger(text: string | undefined): LedgerRecord | undefined {
  return parseRecord(text, (fields) => {
    const contentKey = optionalTextOf(fields, 'contentKey');
    return {
      receipt: receiptOf(fieldsOf(fields['receipt'])),
      ...(contentKey === undefined ? {} : { contentKey }),
      ...(fields['place'] === undefined ? {} : { place: placeFieldOf(fieldsOf(fields['place'])) }),
      files: fields['files'] === undefined ? {} : filesFieldOf(fieldsOf(fields['files'])),
      options: fieldsOf(fields['options']) as Readonly<Record<string, string>>,
      seenAt: dateOf(fields, 'seenAt'),
    };
  });
}

function placeFieldOf(fields: Fields): Place {
  return { key: textOf(fields, 'key'), source: textOf(fields, 'source') };
}

function filesFieldOf(fields: Fields): UploadedFiles {
  const segments = optionalTextOf(fields, 'segments');
  return {
    ...(fields['cover'] === undefined ? {} : { cover: coverFieldOf(fieldsOf(fields['cover'])) }),
    ...(segments === undefined ? {} : { segments }),
  };
}

function coverFieldOf(fields: Fields): NonNullable<UploadedFiles['cover']> {
  const mtimeNs = optionalTextOf(fields, 'mtimeNs');
  return { size: numberOf(fields, 'size'), ...(mtimeNs === undefined ? {} : { mtimeNs }) };
}

function receiptOf(fields: Fields): Receipt {
  const storage = fieldsOf(fields['storage']);
  const requestIds = fieldsOf(fields['requestIds']);
  return {
    fileId: textOf(fields, 'fileId') as FileId,
    mediaUrl: textOrNullOf(fields, 'mediaUrl'),
    coverUrl: textOrNullOf(fields, 'coverUrl'),
    storage: {
      bucket: textOf(storage, 'bucket'),
      region: textOf(storage, 'region'),
      path: textOf(storage, 'path'),
    },
    crc64: textOrNullOf(fields, 'crc64'),
    ...(fields['coverCrc64'] === undefined
      ? {}
      : { coverCrc64: textOrNullOf(fields, 'coverCrc64') }),
    requestIds: {
      apply: textOrNullOf(requestIds, 'apply'),
      commit: textOrNullOf(requestIds, 'commit'),
    },
  };
}

/** Whether both jobs would put the same bytes under the same names: then parts can be shared. */
export function haveSameFiles(one: Job, other: Job): boolean {
  return filesOf(one) === filesOf(other);
}

function filesOf({ media, cover, segments }: Job): string {
  const versionOf = (file?: SourceFile) => file && [file.size, String(file.mtimeNs)];
  return JSON.stringify([
    versionOf(media),
    versionOf(cover) ?? null,
    segments.map((file) => [file.relativeKey, versionOf(file)]),
  ]);
}

/** Where whoever is sent to the same storage path finds the media; undefined where the service chose the path. */
export function placeOf(job: Job, { storage }: Receipt): Place | undefined {
  if (job.request.mediaStoragePath === undefined) return undefined;
  const { bucket, region, path } = storage;
  return {
    key: digest([job.scope ?? '', bucket, region, path].join('\0')),
    source: job.media.realPath,
  };
}

/** Keys must stay below 2 KB, and paths may be longer. */
export function sourceKeyOf(job: Job): string {
  const service = job.scope === undefined ? '' : `${job.scope}\0`;
  return digest(`${service}${job.request.subAppId ?? ''}\0${job.media.realPath}`);
}

/**
 * Where the same bytes lead to, whatever their path; undefined where the content is not known. A
 * playlist goes by its path: its own text says nothing about its segments.
 */
export function contentKeyOf(
  { media, request, scope, segments }: Job,
  crc64: string | null | undefined,
): string | undefined {
  if (crc64 === null || crc64 === undefined || segments.length > 0) return undefined;
  return `${scope ?? ''}/${request.subAppId ?? ''}/${media.size}/${crc64}`;
}
