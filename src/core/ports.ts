import type { UploadFailure } from './errors.js';
import type { FileId, JobId, UploadId } from './ids.js';
import type {
  ApplyRequest,
  Checkpoint,
  Job,
  KeyedSession,
  ObjectCheckpoint,
  Outcome,
  Part,
  Receipt,
  Session,
  SourceFile,
  StoredPart,
  TemporaryCredentials,
  UploadedAs,
} from './model.js';

/** The control plane (protocol: VOD API 2018-07-17). All methods throw UploadFailure. */
export interface Vod {
  applyUpload(request: ApplyRequest, onRetry: OnRetry, signal: AbortSignal): Promise<Session>;
  /**
   * Repeats with the same key. A failure whose `facts.ambiguous` is set leaves open whether the
   * media exists.
   */
  commitUpload(session: KeyedSession, onRetry: OnRetry, signal: AbortSignal): Promise<Committed>;
  /** Whether the media of this session exists after all; undefined where the service knows none. */
  findMedia(
    session: Session,
    request: ApplyRequest,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<Committed | undefined>;
}

export interface Committed {
  readonly fileId: FileId;
  readonly mediaUrl: string | null;
  readonly coverUrl: string | null;
  readonly requestId: string;
}

/** One object in the bucket and the right to write it. */
export interface ObjectTarget {
  readonly bucket: string;
  readonly region: string;
  readonly key: string;
  /** Absent: the account's own key. */
  readonly credentials?: TemporaryCredentials;
}

/** A source file. It is opened by its first read, and is to be closed after the last. */
export interface Source {
  readonly file: SourceFile;
  /**
   * Fills `into` from `position` on, or as much of it as the file has by the plan; resolves to how many bytes
   * that is. Throws UploadFailure: `source-changed` where the file has become shorter.
   */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Throws `source-changed` unless size, mtime and inode are those of the plan, `source-missing` where it is gone. */
  assertUnchanged(signal: AbortSignal): Promise<void>;
  /** Does so as soon as nothing is being read; a dead disk never ends a read. */
  close(): void;
}

/** A part as ListParts tells it. */
export interface ListedPart {
  readonly number: number;
  readonly size: number;
  readonly etag: string;
}

/** Hears of every request that is about to be repeated, which waits for what is returned as well. */
export type OnRetry = (retry: {
  readonly code: string;
  readonly message: string;
  readonly attempt: number;
  readonly waitMs: number;
}) => void | Promise<void>;

/** The data plane (protocol: COS XML API). All methods throw UploadFailure; requests are repeated inside. */
export interface Cos {
  /** A whole object by one PUT. Resolves to its unsigned decimal CRC-64 where it was verified. */
  put(
    target: ObjectTarget,
    source: Source,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<{ readonly crc64?: string }>;
  /** `mayExist`: an Initiate whose answer was lost may have begun an upload, which is then used. */
  initiate(
    target: ObjectTarget,
    mayExist: boolean,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<UploadId>;
  putPart(
    target: ObjectTarget,
    uploadId: UploadId,
    part: Part,
    source: Source,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<StoredPart>;
  /** Every part that the service holds; undefined where it knows no such upload. */
  listParts(
    target: ObjectTarget,
    uploadId: UploadId,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<readonly ListedPart[] | undefined>;
  /** Compares a listed part with the file's bytes; undefined where they disagree. */
  recognise(
    listed: ListedPart,
    part: Part,
    source: Source,
    signal: AbortSignal,
  ): Promise<StoredPart | undefined>;
  /**
   * Joins the parts and verifies the whole. `wasSent`: an earlier Complete may have worked, so a
   * missing upload is no error as long as the object is there. A failure whose `facts.ambiguous` is
   * set leaves open whether they are joined.
   */
  complete(
    target: ObjectTarget,
    uploadId: UploadId,
    parts: readonly StoredPart[],
    wasSent: boolean,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<{ readonly crc64?: string }>;
  /**
   * Compares an object whose upload is gone with its file; undefined where the service does not tell.
   * Throws `upload-gone` where there is no object.
   */
  verify(
    target: ObjectTarget,
    source: Source,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<{ readonly crc64?: string } | undefined>;
  /**
   * Aborts this upload and every other of the same key, such as one whose Initiate was never
   * answered. Resolves to why one of them may stay: COS cannot be asked, or the certificate does not
   * suffice; to undefined once all are gone.
   */
  abort(
    target: ObjectTarget,
    uploadId: UploadId | undefined,
    signal: AbortSignal,
  ): Promise<UploadFailure | undefined>;
}

/** The durable memory: what is under way, what was uploaded, who works on what. */
export interface Journal {
  /** Takes the job for this run, or tells why not. */
  claim(job: Job): Promise<Claim>;
  /** Durable once resolved. `changed`: the objects that differ from what was remembered last. */
  remember(id: JobId, checkpoint: Checkpoint, changed?: readonly ObjectCheckpoint[]): Promise<void>;
  /**
   * Writes the receipt, forgets the checkpoint and its secrets, gives up the claim. Resolves to the media
   * that this one has replaced in the bucket.
   */
  settle(job: Job, receipt: Receipt): Promise<Replaced | undefined>;
  /** Drops the checkpoint and its secrets; keeps the claim. */
  forget(id: JobId): Promise<void>;
  /** Gives up the claim; the checkpoint stays for the next run. */
  release(id: JobId): Promise<void>;
}

export type Claim =
  | {
      readonly kind: 'ours';
      readonly checkpoint?: Checkpoint;
      /** The job as the session of `checkpoint` was begun. */
      readonly begun?: Job;
      /** An unfinished upload of the same path that is not gone on with. */
      readonly superseded?: Superseded;
      /** Options of the job that differ from those that its session was begun with. */
      readonly changedOptions: readonly string[];
    }
  | {
      readonly kind: 'uploaded';
      readonly receipt: Receipt;
      /** Another upload of it is unfinished, begun by --force or before this one: where it stands. */
      readonly begunAnew: Checkpoint['phase'] | undefined;
      readonly was: UploadedAs;
      /** Options of the job, `cover` and `segments` that differ from those that it was uploaded with. */
      readonly changedOptions: readonly string[];
    }
  | { readonly kind: 'held' };

/** A media of another file that had the same storage path: it counts as uploaded no more. */
export interface Replaced {
  readonly fileId: FileId;
  /** The file's real path. */
  readonly source: string;
}

/** An unfinished session whose bytes are of no use: abort its uploads, then `forget` its job. */
export interface Superseded {
  /** As the session was begun. */
  readonly job: Job;
  readonly checkpoint: Checkpoint;
  /**
   * `other-files`: the media looks the same, but its cover, its segments or its content are others.
   * `session-over`: its certificate has expired, or its secrets are lost; `without-cover`: an earlier run has
   * dropped its cover.
   */
  readonly reason: 'other-media' | 'other-files' | 'no-resume' | 'session-over' | 'without-cover';
}

/** Where outcomes are put on record; awaited, since nothing may be reported that is not written. */
export interface Recorder {
  record(outcome: Outcome): Promise<void>;
}
