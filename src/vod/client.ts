import type { vod as sdk } from 'tencentcloud-sdk-nodejs-vod';
import { UploadFailure } from '../core/errors.js';
import type { FileId, SessionKey } from '../core/ids.js';
import type { ApplyRequest, Session, TemporaryCredentials } from '../core/model.js';
import type { Committed, OnRetry, Vod } from '../core/ports.js';
import type { Clock } from '../net/clock.js';
import type { Pacer } from '../net/pacer.js';
import { sendRequest, type HttpAnswer } from '../net/request.js';
import { sleep, withRetries, type RetryPolicy } from '../net/retry.js';
import type { Route } from '../net/route.js';
import { throughSdk, type SdkRequest } from '../net/sdk-exchange.js';
import { assertVodAnswer } from './failures.js';
import { fileIdHint } from './file-id-hint.js';
import { createFirstCallGate } from './first-call.js';
import { signTc3 } from './tc3.js';

type Client = InstanceType<typeof sdk.v20180717.Client>;
type ApplyAnswer = Awaited<ReturnType<Client['ApplyUpload']>>;
type CommitAnswer = Awaited<ReturnType<Client['CommitUpload']>>;
type MediaAnswer = Awaited<ReturnType<Client['DescribeMediaInfos']>>;

export interface VodOptions {
  /** The API's own name, which is signed; `route` says where to connect. */
  readonly host: string;
  readonly region: string;
  /** Asked before every call, since temporary ones change. */
  readonly credentials: () => Promise<TemporaryCredentials>;
  readonly route: Route;
  readonly clock: Clock;
  readonly pacer: Pacer;
  readonly policy: RetryPolicy;
  readonly stallTimeoutMs: number;
}

/** VOD's storage may take this long to show a media that was committed a moment ago. */
const FIND_TRIES = 3;
const FIND_PAUSE_MS = 1_000;
/** Without a certificate the account's own key signs, and that does not expire. */
const NO_CERTIFICATE_LIFETIME_MS = 365 * 86_400_000;

/** The VOD port over tencentcloud-sdk-nodejs-vod (protocol: VOD API 2018-07-17). */
export function createVod(options: VodOptions): Vod {
  const { clock, pacer } = options;
  const throughGate = createFirstCallGate();

  async function send(
    action: string,
    request: SdkRequest,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { secretId, secretKey, token } = await options.credentials();
    const timestamp = Math.floor(clock.now().getTime() / 1000);
    const contentType = request.headers['content-type'] ?? 'application/json';
    const answer = await sendRequest(
      {
        route: options.route,
        host: options.host,
        method: request.method,
        path: request.path,
        headers: {
          ...request.headers,
          host: options.host,
          'x-tc-timestamp': String(timestamp),
          ...(token === undefined ? {} : { 'x-tc-token': token }),
          authorization: signTc3({
            secretId,
            secretKey,
            service: 'vod',
            host: options.host,
            contentType,
            body: request.body,
            timestamp,
          }),
        },
        body: {
          size: request.body.length,
          read: async (position) => request.body.subarray(position),
        },
        stallTimeoutMs: options.stallTimeoutMs,
        answerTimeoutMs: options.stallTimeoutMs,
      },
      signal,
    );
    assertVodAnswer(action, answer);
    return answer;
  }

  /** One call of one action. Once an attempt was ambiguous, so is the failure of every later one. */
  async function call<T>(
    action: string,
    parameters: object,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<T> {
    const { Client } = await loadSdk();
    let ambiguous = false;
    return throughGate(() =>
      withRetries(
        async () => {
          await pacer.take(signal);
          try {
            return await throughSdk(
              (request) => send(action, request, signal),
              (agent) =>
                new Client({
                  credential: {},
                  region: options.region,
                  profile: {
                    httpProfile: {
                      endpoint: options.host,
                      protocol: 'http://',
                      agent,
                      reqTimeout: 0,
                    },
                  },
                }).request(action, parameters, { skipSign: true }) as Promise<T>,
            );
          } catch (error) {
            signal.throwIfAborted();
            const failure = asFailure(action, error);
            if (failure.code === 'throttled') pacer.slowDown();
            ambiguous ||= failure.facts.ambiguous === true;
            throw withFacts(failure, {
              ambiguous,
              repeatAtOnce:
                failure.facts.repeatAtOnce === true ||
                (failure.facts.clockOffsetMs !== undefined &&
                  clock.correct(failure.facts.clockOffsetMs)),
            });
          }
        },
        options.policy,
        onRetry,
        signal,
      ),
    );
  }

  return {
    async applyUpload(request, onRetry, signal) {
      const answer = await call<ApplyAnswer>(
        'ApplyUpload',
        applyParameters(request),
        onRetry,
        signal,
      );
      return toSession(answer, request.subAppId, clock.now(), await options.credentials());
    },

    async commitUpload(session, onRetry, signal) {
      const answer = await call<CommitAnswer>(
        'CommitUpload',
        { VodSessionKey: session.sessionKey, ...subApp(session.subAppId) },
        onRetry,
        signal,
      );
      if (!answer.FileId) {
        throw new UploadFailure('not-the-service', 'CommitUpload: the answer holds no FileId', {
          ambiguous: true,
        });
      }
      return {
        fileId: answer.FileId as FileId,
        mediaUrl: answer.MediaUrl || null,
        coverUrl: answer.CoverUrl || null,
        requestId: answer.RequestId ?? '',
      };
    },

    async findMedia(session, onRetry, signal): Promise<Committed | undefined> {
      const fileId = fileIdHint(session.mediaKey);
      if (fileId === undefined) {
        throw new UploadFailure('commit-unknown', 'the storage path does not tell the FileId');
      }
      for (let tries = 1; ; tries++) {
        const answer = await call<MediaAnswer>(
          'DescribeMediaInfos',
          { FileIds: [fileId], Filters: ['basicInfo'], ...subApp(session.subAppId) },
          onRetry,
          signal,
        );
        const media = answer.MediaInfoSet?.find((info) => info.FileId === fileId);
        if (media !== undefined) {
          return {
            fileId,
            mediaUrl: media.BasicInfo?.MediaUrl || null,
            coverUrl: media.BasicInfo?.CoverUrl || null,
            requestId: answer.RequestId ?? '',
          };
        }
        if (tries === FIND_TRIES) return undefined;
        await sleep(FIND_PAUSE_MS, signal);
      }
    },
  };
}

/** Half a second of loading that `--help` and a plan with nothing to do need not pay. */
async function loadSdk(): Promise<{ Client: typeof sdk.v20180717.Client }> {
  const module =
    await import('tencentcloud-sdk-nodejs-vod/tencentcloud/services/vod/v20180717/vod_client.js');
  return { Client: module.Client };
}

function asFailure(action: string, error: unknown): UploadFailure {
  if (error instanceof UploadFailure) return error;
  return new UploadFailure('not-the-service', `${action}: the answer is not one of the VOD API`, {
    ambiguous: true,
    cause: error,
  });
}

function withFacts(failure: UploadFailure, facts: UploadFailure['facts']): UploadFailure {
  return new UploadFailure(failure.code, failure.message, {
    ...failure.facts,
    ...facts,
    cause: failure,
  });
}

function subApp(subAppId: number | undefined): { SubAppId?: number } {
  return subAppId === undefined ? {} : { SubAppId: subAppId };
}

/** The fields of ApplyUpload that are set, under their names on the wire. */
function applyParameters(request: ApplyRequest): object {
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
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

/** Object keys are the storage paths without their one leading slash. */
function toKey(storagePath: string): string {
  return storagePath.replace(/^\//, '');
}

function toSession(
  answer: ApplyAnswer,
  subAppId: number | undefined,
  now: Date,
  own: TemporaryCredentials,
): Session {
  const { StorageBucket, StorageRegion, MediaStoragePath, CoverStoragePath, VodSessionKey } =
    answer;
  if (!StorageBucket || !StorageRegion || !MediaStoragePath || !VodSessionKey) {
    throw new UploadFailure('not-the-service', 'ApplyUpload: the answer lacks storage or session');
  }
  const granted = answer.TempCertificate;
  const credentials =
    granted?.SecretId && granted.SecretKey
      ? {
          secretId: granted.SecretId,
          secretKey: granted.SecretKey,
          ...(granted.Token ? { token: granted.Token } : {}),
        }
      : own;
  return {
    sessionKey: VodSessionKey as SessionKey,
    ...(subAppId === undefined ? {} : { subAppId }),
    bucket: StorageBucket,
    region: StorageRegion,
    mediaKey: toKey(MediaStoragePath),
    ...(CoverStoragePath ? { coverKey: toKey(CoverStoragePath) } : {}),
    credentials,
    expiresAt: granted?.ExpiredTime
      ? new Date(granted.ExpiredTime * 1000)
      : new Date(now.getTime() + NO_CERTIFICATE_LIFETIME_MS),
    requestId: answer.RequestId ?? '',
  };
}
