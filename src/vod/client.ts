import { UploadFailure } from '../core/errors.js';
import type { SessionKey } from '../core/ids.js';
import type { TemporaryCredentials } from '../core/model.js';
import type { Committed, OnRetry, Vod } from '../core/ports.js';
import type { Clock } from '../net/clock.js';
import type { Pacer } from '../net/pacer.js';
import { sendRequest } from '../net/request.js';
import { sleep, withRetries, type RetryPolicy } from '../net/retry.js';
import type { Route } from '../net/route.js';
import { applyParameters, foundMedia, toCommitted, toSession } from './answers.js';
import { readVodAnswer } from './failures.js';
import { fileIdHint } from './file-id-hint.js';
import { createFirstCallGate } from './first-call.js';
import { loadClient, type Client, type SdkCall } from './sdk.js';
import { signTc3 } from './tc3.js';

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
  /** How long to wait, each time, for a media that was committed a moment ago to be shown. */
  readonly findPausesMs?: readonly number[];
}

const JSON_TYPE = 'application/json';
const FIND_PAUSES_MS = [1_000, 2_000, 4_000];

/** The VOD port over tencentcloud-sdk-nodejs-vod (protocol: VOD API 2018-07-17). */
export function createVod(options: VodOptions): Vod {
  const { clock, pacer } = options;
  const throughGate = createFirstCallGate();
  // Loaded while the journal waits for the disk.
  const loading = loadClient();
  loading.catch(() => undefined);

  /** Sends one call, signed, by the product's own transport; resolves to the `Response` within. */
  async function send(call: SdkCall, signal: AbortSignal): Promise<unknown> {
    const { secretId, secretKey, token } = await options.credentials();
    const { host, stallTimeoutMs } = options;
    const timestamp = Math.floor(clock.now().getTime() / 1000);
    const body = Buffer.from(JSON.stringify(call.parameters));
    const signed = { secretId, secretKey, service: 'vod', host, contentType: JSON_TYPE };
    const answer = await sendRequest(
      {
        route: options.route,
        host,
        method: 'POST',
        path: '/',
        headers: {
          'content-type': JSON_TYPE,
          'content-length': body.length,
          'x-tc-action': call.action,
          'x-tc-version': call.version,
          'x-tc-region': options.region,
          'x-tc-requestclient': call.sdk,
          'x-tc-timestamp': timestamp,
          ...(token === undefined ? {} : { 'x-tc-token': token }),
          authorization: signTc3({ ...signed, body, timestamp }),
        },
        body: { size: body.length, read: async (position) => body.subarray(position) },
        stallTimeoutMs,
        answerTimeoutMs: stallTimeoutMs,
      },
      signal,
    );
    return readVodAnswer(call.action, answer);
  }

  /**
   * One call, repeated as far as it may be. An answer that lacks what is needed of it is asked for
   * again. Once an attempt was ambiguous, so is the failure of every later one.
   */
  async function call<T>(
    ask: (client: Client) => Promise<T>,
    secret: SessionKey | undefined,
    onRetry: OnRetry,
    signal: AbortSignal,
  ): Promise<T> {
    const createClient = await loading;
    const client = createClient((sdkCall) => send(sdkCall, signal));
    let ambiguous = false;
    return throughGate(() =>
      withRetries(
        async () => {
          await pacer.take(signal);
          try {
            return await ask(client);
          } catch (error) {
            signal.throwIfAborted();
            if (!(error instanceof UploadFailure)) throw error;
            const failure = withoutSecret(error, secret);
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
      const own = await options.credentials();
      return call(
        async (client) =>
          toSession(await client.ApplyUpload(applyParameters(request)), request, clock.now(), own),
        undefined,
        onRetry,
        signal,
      );
    },

    commitUpload({ sessionKey, subAppId }, onRetry, signal) {
      const parameters = { VodSessionKey: sessionKey, ...subApp(subAppId) };
      return call(
        async (client) => toCommitted(await client.CommitUpload(parameters)),
        sessionKey,
        onRetry,
        signal,
      );
    },

    async findMedia({ mediaKey, subAppId }, onRetry, signal): Promise<Committed | undefined> {
      const fileId = fileIdHint(mediaKey);
      if (fileId === undefined) {
        throw new UploadFailure('commit-unknown', 'the storage path does not tell the FileId');
      }
      const parameters = { FileIds: [fileId], Filters: ['basicInfo'], ...subApp(subAppId) };
      const ask = (): Promise<Committed | undefined> =>
        call(
          async (client) => foundMedia(await client.DescribeMediaInfos(parameters), fileId),
          undefined,
          onRetry,
          signal,
        );
      for (const pauseMs of options.findPausesMs ?? FIND_PAUSES_MS) {
        const found = await ask();
        if (found !== undefined) return found;
        await sleep(pauseMs, signal);
      }
      return ask();
    },
  };
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

/** A service may repeat in its message what it was sent. */
function withoutSecret(failure: UploadFailure, secret: SessionKey | undefined): UploadFailure {
  if (secret === undefined || !failure.message.includes(secret)) return failure;
  return new UploadFailure(failure.code, failure.message.replaceAll(secret, '…'), {
    ...failure.facts,
    cause: undefined,
  });
}
