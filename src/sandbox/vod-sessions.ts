import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { findObject } from './cos-objects.js';
import { ServiceError } from './exchange.js';
import { letters } from './state.js';
import type { Certificate, SessionRecord, State } from './state.js';
import { checkApply } from './vod-parameters.js';
import type { Params } from './vod-parameters.js';

const DEFAULT_REGION = 'ap-chongqing';

/** Sessions as both APIs, server and client, hand them out. */
export interface Sessions {
  apply(params: Params, nowMs: number): SessionRecord;
  /** A fresh certificate for a session's paths. */
  renew(session: SessionRecord, nowMs: number): SessionRecord;
  /** With a sub-application, it must be the one applied with. */
  commit(sessionKey: string, nowMs: number, subAppId?: number | null): Promise<SessionRecord>;
}

export function createSessions(state: State, certificateTtlMs: number): Sessions {
  return {
    apply(params, nowMs) {
      checkApply(params, nowMs);
      const session: SessionRecord = {
        ...placeOf(state, params),
        sessionKey: randomBytes(312).toString('base64'),
        mediaType: String(params['MediaType']),
        subAppId: (params['SubAppId'] as number | undefined) ?? null,
        params,
        certificates: [issueCertificate(nowMs + certificateTtlMs)],
        appliedAtMs: nowMs,
        commits: 0,
        repeats: 0,
        committedAtMs: null,
        taskId: null,
      };
      state.record({ type: 'session', session });
      return session;
    },
    renew(session, nowMs) {
      const fresh = issueCertificate(nowMs + certificateTtlMs);
      const renewed = { ...session, certificates: [...session.certificates.slice(-9), fresh] };
      state.record({ type: 'session', session: renewed });
      return renewed;
    },
    commit: (sessionKey, nowMs, subAppId) => commit(state, sessionKey, nowMs, subAppId),
  };
}

/** `/<bucket's name>/<8 hex><FileId>/<12 letters>.<type>`, unless a storage path is asked for. */
function placeOf(state: State, params: Params) {
  const region = (params['StorageRegion'] as string | undefined) || DEFAULT_REGION;
  const bucket = state.bucketOf(region);
  const fileId = makeFileId();
  const bucketName = bucket.slice(0, bucket.lastIndexOf('-'));
  const folder = `${bucketName}/${randomBytes(4).toString('hex')}${fileId}`;
  const given = params['MediaStoragePath'] as string | undefined;
  const mediaName = `${letters(12, LETTERS)}.${String(params['MediaType'])}`;
  const mediaKey = given ? given.slice(1) : `${folder}/${mediaName}`;
  const coverType = params['CoverType'] as string | undefined;
  const coverName = `${BigInt(fileId) + 1n}.${coverType}`;
  const coverKey = coverType ? posix.join(posix.dirname(mediaKey), coverName) : null;
  return { region, bucket, fileId, mediaKey, coverKey };
}

function issueCertificate(expiresAtMs: number): Certificate {
  return {
    secretId: `AKID${letters(52)}`,
    secretKey: letters(44),
    token: randomBytes(240).toString('base64'),
    expiresAtMs: Math.floor(expiresAtMs / 1000) * 1000,
  };
}

async function commit(
  state: State,
  sessionKey: string,
  nowMs: number,
  subAppId?: number | null,
): Promise<SessionRecord> {
  const applied = state.sessions.get(sessionKey);
  if (!applied) {
    throw new ServiceError('InvalidParameterValue.VodSessionKey', 'the session key is not known');
  }
  if (subAppId !== undefined && subAppId !== applied.subAppId) {
    throw new ServiceError('InvalidParameterValue.SubAppId', 'the session is of another SubAppId');
  }
  if (applied.commits === 0) {
    for (const key of [applied.mediaKey, applied.coverKey]) {
      if (key !== null && !(await findObject(state, applied.bucket, key))) {
        throw new ServiceError('ResourceNotFound', `${key} has not been uploaded`);
      }
    }
  }
  // Read again: another commit of the same key may have come first.
  const session = state.sessions.get(sessionKey) ?? applied;
  const taskId = `${state.keys.appId}-Procedure-${randomBytes(16).toString('hex')}t0`;
  const first = {
    commits: 1,
    committedAtMs: nowMs,
    taskId: session.params['Procedure'] ? taskId : null,
  };
  const repeated = { repeats: session.repeats + 1 };
  const committed = { ...session, ...(session.commits === 0 ? first : repeated) };
  state.record({ type: 'session', session: committed });
  return committed;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Nineteen digits, beyond what a double can hold; even, so that the cover's number is free. */
function makeFileId(): string {
  const digits = letters(16, '0123456789');
  return `52${digits}${letters(1, '02468')}`;
}
