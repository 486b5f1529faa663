import { UploadFailure } from '../core/errors.js';
import type { FileId, SessionKey } from '../core/ids.js';
import type { ApplyRequest, Session, TemporaryCredentials } from '../core/model.js';
import type { Committed } from '../core/ports.js';
import type { Client } from './sdk.js';

type ApplyParameters = Parameters<Client['ApplyUpload']>[0];
type ApplyAnswer = Awaited<ReturnType<Client['ApplyUpload']>>;
type CommitAnswer = Awaited<ReturnType<Client['CommitUpload']>>;
type MediaAnswer = Awaited<ReturnType<Client['DescribeMediaInfos']>>;
type MediaInfo = NonNullable<MediaAnswer['MediaInfoSet']>[number];

/**
 * Without a certificate the account's own key signs, and the session key alone ends: nothing tells when,
 * and that of the client protocol lasts a day. As long as this the uploads of a session are gone on with or aborted.
 */
const NO_CERTIFICATE_LIFETIME_MS = 7 * 86_400_000;

/** A name and the APPID of its owner, which together are a part of a host name. */
const BUCKET = /^(?=.{1,63}$)[a-z0-9][a-z0-9-]*-[0-9]+$/;
const REGION = /^[a-z0-9-]{1,63}$/;
/** Of its slashes in front one alone is no part of an object key. */
const STORAGE_PATH = /^\/?(?!\/)\P{Cs}+$/su;
/** What a header can carry. */
const VISIBLE = /^[\x21-\x7e]+$/;
/** What a URL can carry, encoded. */
const TEXT = /^\P{Cs}+$/su;
const DIGITS = /^\d+$/;
/** Far more than any key or token has; what is looked for in each answer cannot be of any length (`net/quoted`). */
const LONGEST = 8192;

/** The fields of ApplyUpload that are set, under their names on the wire. */
export function applyParameters(request: ApplyRequest): ApplyParameters {
  const named = {
    MediaType: request.mediaType,
    SubAppId: request.subAppId,
    MediaName: request.mediaName,
    CoverType: request.coverType,
    Procedure: request.procedure,
    ExpireTime: request.expireTime,
    StorageRegion: request.storageRegion,
    ClassId: request.classId,
    SourceContext: request.sourceContext,
    SessionContext: request.sessionContext,
    ExtInfo: request.extInfo,
    MediaStoragePath: request.mediaStoragePath,
  };
  const set = Object.entries(named).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as typeof named as ApplyParameters;
}

/** Object keys are the storage paths without their one leading slash. */
function toKey(storagePath: string): string {
  return storagePath.replace(/^\//, '');
}

/** What was granted. Throws where a part of it is missing or nothing can be done with it: none of it is kept then. */
export function toSession(
  answer: ApplyAnswer,
  { subAppId, coverType }: ApplyRequest,
  now: Date,
): Session {
  const required = (field: keyof ApplyAnswer, form: RegExp): string => {
    const value = formed(form, answer[field]);
    if (value === undefined) throw unusable('ApplyUpload', `a ${field} that can be used`);
    return value;
  };
  const bucket = required('StorageBucket', BUCKET);
  const region = required('StorageRegion', REGION);
  const mediaPath = required('MediaStoragePath', STORAGE_PATH);
  const sessionKey = required('VodSessionKey', TEXT);
  // Without a place for it the cover would be left out, and nobody would hear of it.
  const coverPath =
    coverType === undefined
      ? formed(STORAGE_PATH, answer.CoverStoragePath)
      : required('CoverStoragePath', STORAGE_PATH);
  const credentials = granted(answer);
  return {
    sessionKey: sessionKey as SessionKey,
    ...(subAppId === undefined ? {} : { subAppId }),
    bucket,
    region,
    mediaKey: toKey(mediaPath),
    ...(coverPath ? { coverKey: toKey(coverPath) } : {}),
    ...(credentials && { credentials }),
    expiresAt: expiryOf(answer, now),
    requestId: formed(TEXT, answer.RequestId) ?? '',
  };
}

/** The temporary certificate; undefined where the account's own key is to sign. */
function granted({ TempCertificate }: ApplyAnswer): TemporaryCredentials | undefined {
  if (!TempCertificate?.SecretId || !TempCertificate.SecretKey) return undefined;
  const secretId = formed(VISIBLE, TempCertificate.SecretId);
  const secretKey = formed(VISIBLE, TempCertificate.SecretKey);
  const token = formed(VISIBLE, TempCertificate.Token);
  if (!secretId || !secretKey || (TempCertificate.Token && !token)) {
    throw unusable('ApplyUpload', 'a certificate');
  }
  return { secretId, secretKey, ...(token ? { token } : {}) };
}

function expiryOf({ TempCertificate }: ApplyAnswer, now: Date): Date {
  const seconds: unknown = TempCertificate?.ExpiredTime;
  if (!seconds) return new Date(now.getTime() + NO_CERTIFICATE_LIFETIME_MS);
  const expiry = new Date(typeof seconds === 'number' ? seconds * 1000 : NaN);
  if (Number.isNaN(expiry.getTime())) throw unusable('ApplyUpload', 'a time when it expires');
  return expiry;
}

/** Throws where the FileId is missing, or none: it is digits. */
export function toCommitted({ FileId, MediaUrl, CoverUrl, RequestId }: CommitAnswer): Committed {
  const fileId = formed(DIGITS, FileId);
  if (!fileId) throw unusable('CommitUpload', 'a FileId');
  return committed(fileId as FileId, { MediaUrl, CoverUrl }, RequestId);
}

/** Undefined where there is no such media in the list, or no list. Throws where the list is none. */
export function foundMedia(
  { MediaInfoSet, RequestId }: MediaAnswer,
  fileId: FileId,
): Committed | undefined {
  const found: readonly (MediaInfo | null)[] = MediaInfoSet ?? [];
  if (!Array.isArray(found)) throw unusable('DescribeMediaInfos', 'a list of media');
  const media = found.find((info) => info?.FileId === fileId);
  return media ? committed(fileId, media.BasicInfo ?? {}, RequestId) : undefined;
}

/** It is committed, whatever else the answer tells. */
function committed(
  fileId: FileId,
  { MediaUrl, CoverUrl }: { readonly MediaUrl?: unknown; readonly CoverUrl?: unknown },
  requestId: unknown,
): Committed {
  return {
    fileId,
    mediaUrl: formed(TEXT, MediaUrl) ?? null,
    coverUrl: formed(TEXT, CoverUrl) ?? null,
    requestId: formed(TEXT, requestId) ?? '',
  };
}

/** The value if it is text of this form: the SDK declares types that nobody checks. */
function formed(form: RegExp, value: unknown): string | undefined {
  const isText = typeof value === 'string' && value.length <= LONGEST;
  return isText && form.test(value) ? value : undefined;
}

function unusable(action: string, missing: string): UploadFailure {
  return new UploadFailure('not-the-service', `${action}: the answer lacks ${missing}`, {
    ambiguous: true,
  });
}
