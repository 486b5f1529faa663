import type { ETag, FileId, JobId, SessionKey, UploadId } from './ids.js';
import type { UploadFailure } from './errors.js';

/** One local file as it stood when the plan was made. */
export interface SourceFile {
  /** As the user named or found it: for people and the manifest. */
  readonly path: string;
  readonly realPath: string;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly inode: bigint;
}

/** A file that a playlist refers to, and where it goes below the playlist's own directory. */
export interface Segment extends SourceFile {
  /** POSIX path relative to the playlist's directory, decoded. */
  readonly relativeKey: string;
}

/** The fields of ApplyUpload (API 2018-07-17), as far as the user asked for them. */
export interface ApplyRequest {
  readonly mediaType: string;
  readonly mediaName: string;
  readonly coverType?: string;
  readonly subAppId?: number;
  readonly procedure?: string;
  readonly expireTime?: string;
  /** Whether the user gave a duration, so that `expireTime` moves from run to run. */
  readonly isExpiryRelative?: boolean;
  readonly storageRegion?: string;
  readonly classId?: number;
  readonly sourceContext?: string;
  readonly sessionContext?: string;
  readonly extInfo?: string;
  readonly mediaStoragePath?: string;
}

/** One media to upload, decided by plan/, then never changed. */
export interface Job {
  /** Identity of the source: sub-application + real path + size + mtime, hashed. */
  readonly id: JobId;
  /** Which service it is for, where that is not the usual one: what one has begun no other can finish. */
  readonly scope?: string;
  readonly media: SourceFile;
  readonly cover?: SourceFile;
  /** Playlists only. */
  readonly segments: readonly Segment[];
  readonly request: ApplyRequest;
  /** Unsigned decimal, where the content and not path and time decide whether it was uploaded before. */
  readonly crc64?: string;
  readonly extra?: Extra;
}

/** What a row of a job list holds besides: comes back in the manifest. */
export type Extra = Readonly<Record<string, unknown>>;

export type SkipReason =
  | 'already-uploaded'
  | 'duplicate'
  | 'held-by-other-run'
  | 'too-young'
  | 'empty'
  | 'temporary-name'
  | 'unpaired-image';

/** A temporary key pair of one session. Secret. */
export interface TemporaryCredentials {
  readonly secretId: string;
  readonly secretKey: string;
  readonly token?: string;
}

/** What ApplyUpload granted: where to write, with which credentials, until when. */
export interface Session {
  /** Absent where the journal has lost it: the media can be asked for, and no more be committed. */
  readonly sessionKey?: SessionKey;
  readonly subAppId?: number;
  readonly bucket: string;
  readonly region: string;
  /** Object keys carry no leading slash. */
  readonly mediaKey: string;
  readonly coverKey?: string;
  /** Absent where the service granted no certificate: the account's own key signs. */
  readonly credentials?: TemporaryCredentials;
  readonly expiresAt: Date;
  readonly requestId: string;
}

/** One that can be committed. */
export type KeyedSession = Session & { readonly sessionKey: SessionKey };

/** Bytes [start, end) of a file; `number` counts from 1, as COS counts. */
export interface Part {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/** A part that the service holds. `crc64` is CRC-64/XZ of its bytes as read from disk. */
export interface StoredPart {
  readonly number: number;
  readonly size: number;
  readonly etag: ETag;
  readonly crc64?: bigint;
}

/** Which file of a job an object is. */
export type ObjectRole = 'media' | 'cover' | 'segment';

/** One file of a job and the key that it gets in the bucket. */
export interface JobObject {
  readonly role: ObjectRole;
  readonly key: string;
  readonly file: SourceFile;
}

/** What the journal knows of one object of an unfinished job. */
export interface ObjectCheckpoint {
  readonly key: string;
  readonly partSize: number;
  /** From this number on parts are larger, since the connections turned out fast. */
  readonly larger?: { readonly from: number; readonly partSize: number };
  /** Absent: nothing begun, or a single PUT. */
  readonly uploadId?: UploadId;
  /** Complete was sent at least once: the upload must never be aborted after this. */
  readonly completing?: boolean;
  /** The object is whole in the bucket; unsigned decimal CRC-64 where it was verified. */
  readonly stored?: { readonly crc64?: string };
}

/** What the journal knows of an unfinished job. */
export interface Checkpoint {
  readonly session: Session;
  readonly objects: readonly ObjectCheckpoint[];
  readonly phase: 'sending' | 'assembled' | 'committing';
}

/** What CommitUpload answered: the media exists. */
export interface Receipt {
  readonly fileId: FileId;
  readonly mediaUrl: string | null;
  readonly coverUrl: string | null;
  readonly storage: { readonly bucket: string; readonly region: string; readonly path: string };
  readonly crc64: string | null;
  readonly coverCrc64?: string | null;
  readonly requestIds: { readonly apply: string | null; readonly commit: string | null };
}

/** What a media was uploaded with, as far as the journal still knows it. */
export interface UploadedAs extends Partial<
  Pick<ApplyRequest, 'mediaName' | 'mediaType' | 'procedure'>
> {
  readonly coverSize?: number;
}

/** What a job cost, whatever became of it. Bytes are acknowledged bytes. */
export interface Effort {
  readonly bytesSent: number;
  readonly bytesResumed: number;
  /** How often the job was begun in this run; a retried request does not count. */
  readonly attempts: number;
  readonly startedAt: Date;
  readonly finishedAt: Date;
}

/**
 * How a job ended. Exactly one of these becomes exactly one manifest record. Of `uploaded` and `unknown`
 * the job is as its session was begun, which may have been with other options than those of now; of
 * `skipped` it is as planned, and `was` tells with what the media was uploaded.
 */
export type Outcome =
  | {
      readonly status: 'uploaded';
      readonly path: string;
      readonly job: Job;
      readonly receipt: Receipt;
      readonly effort: Effort;
    }
  | Skipped
  | Failed
  | {
      readonly status: 'interrupted';
      readonly path: string;
      readonly job: Job;
      readonly effort?: Effort;
    };

export interface Skipped {
  readonly status: 'skipped';
  readonly path: string;
  readonly job?: Job;
  readonly size?: number;
  readonly mtimeNs?: bigint;
  readonly reason: SkipReason;
  readonly receipt?: Receipt;
  /** Of a media that was uploaded before. */
  readonly was?: UploadedAs;
  /** Of a first try of this run, after which another one has taken the job. */
  readonly effort?: Effort;
  /** Of what is no job: a job has its own. */
  readonly extra?: Extra;
}

export interface Failed {
  readonly status: 'failed' | 'unknown';
  readonly path: string;
  readonly job?: Job;
  readonly failure: UploadFailure;
  readonly effort?: Effort;
  readonly extra?: Extra;
}

/** One input after planning: a job, or how it ended without becoming one. */
export type PlanItem = { readonly status: 'planned'; readonly job: Job } | Skipped | Failed;

export type Status = Outcome['status'];

/** How many records of each kind, and the bytes of all sources and of all requests. */
export interface Summary {
  readonly total: number;
  readonly uploaded: number;
  readonly skipped: number;
  readonly failed: number;
  readonly interrupted: number;
  readonly unknown: number;
  readonly bytes: number;
  readonly bytesSent: number;
}
