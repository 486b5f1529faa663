import { UploadFailure } from '../core/errors.js';
import type { FileId, SessionKey } from '../core/ids.js';
import type { ApplyRequest, Session, TemporaryCredentials } from '../core/model.js';
import type { Committed } from '../core/ports.js';
import type { Client } from './sdk.js';

type ApplyParameters = Parameters<Client['ApplyUpload']>[0];
type ApplyAnswer = Awaited<ReturnType<Client['ApplyUpload']>>;
type CommitAnswer = Awaited<ReturnType<Client['CommitUpload']>>;
type MediaAnswer = Awaited<ReturnType<Client['DescribeMediaInfos']>>;

/**
 * Without a certificate the account's own key signs, and the session key alone ends: nothing tells when,
 * and that of the client protocol lasts a day. As long as this the uploads of a session are gone on with or aborted.
 */
const NO_CERTIFICATE_LIFETIME_MS = 7 * 86_400_000;

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

/** What was granted. Throws where a part of it is missing. */
export function toSession(
  answer: ApplyAnswer,
  { subAppId, coverType }: ApplyRequest,
  now: Date,
): Session {
  const { StorageBucket, StorageRegion, MediaStoragePath, CoverStoragePath, VodSessionKey } =
    answer;
  if (!StorageBucket || !StorageRegion || !MediaStoragePath || !VodSessionKey) {
    throw unusable('ApplyUpload', 'storage or session');
  }
  // Without a place for it the cover would be left out, and nobody would hear of it.
  if (coverType !== undefined && !CoverStoragePath) {
    throw unusable('ApplyUpload', 'a storage path for the cover');
  }
  const credentials = granted(answer);
  return {
    sessionKey: VodSessionKey as SessionKey,
    ...(subAppId === undefined ? {} : { subAppId }),
    bucket: StorageBucket,
    region: StorageRegion,
    mediaKey: toKey(MediaStoragePath),
    ...(CoverStoragePath ? { coverKey: toKey(CoverStoragePath) } : {}),
    ...(credentials && { credentials }),
    expiresAt: answer.TempCertificate?.ExpiredTime
      ? new Date(answer.TempCertificate.ExpiredTime * 1000)
      : new Date(now.getTime() + NO_CERTIFICATE_LIFETIME_MS),
    requestId: answer.RequestId ?? '',
  };
}

/** The temporary certificate; undefined where the account's own key is to sign. */
function granted({ TempCertificate }: ApplyAnswer): TemporaryCredentials | undefined {
  if (!TempCertificate?.SecretId || !TempCertificate.SecretKey) return undefined;
  const { SecretId: secretId, SecretKey: secretKey, Token: token } = TempCertificate;
  return { secretId, secretKey, ...(token ? { token } : {}) };
}

/** Throws where the FileId is missing, or none: it is digits. */
export function toCommitted({ FileId, MediaUrl, CoverUrl, RequestId }: CommitAnswer): Committed {
  if (!/^\d+$/.test(FileId ?? '')) throw unusable('CommitUpload', 'a FileId');
  return {
    fileId: FileId as FileId,
    mediaUrl: MediaUrl || null,
    coverUrl: CoverUrl || null,
    requestId: RequestId ?? '',
  };
}

/** Undefined where the answer says that there is no such media. */
export function foundMedia(
  { MediaInfoSet, RequestId }: MediaAnswer,
  fileId: FileId,
): Committed | undefined {
  const media = MediaInfoSet?.find((info) => info.FileId === fileId);
  return (
    media && {
      fileId,
      mediaUrl: media.BasicInfo?.MediaUrl || null,
      coverUrl: media.BasicInfo?.CoverUrl || null,
      requestId: RequestId ?? '',
    }
  );
}

function unusable(action: string, missing: string): UploadFailure {
  return new UploadFailure('not-the-service', `${action}: the answer lacks ${missing}`, {
    ambiguous: true,
  });
}
