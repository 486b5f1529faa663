import { UploadFailure } from '../core/errors.js';
import type { OnRetry } from '../core/ports.js';
import { orAborted } from '../core/waits.js';
import { sendRequest } from '../net/request.js';
import { withRetries } from '../net/retry.js';
import { readVodAnswer } from './failures.js';
import { createFirstCallGate } from './first-call.js';
import type { VodOptions } from './options.js';
import { loadClient, type Client, type SdkCall } from './sdk.js';
import { CONTENT_TYPE, signTc3 } from './tc3.js';

/** Asks the API by a client of the SDK. Throws UploadFailure. */
export type Call = <T>(
  ask: (client: Client) => Promise<T>,
  onRetry: OnRetry,
  signal: AbortSignal,
) => Promise<T>;

/**
 * Calls that are repeated as far as they may be. An answer that lacks what is needed of it is asked
 * for again. Once an attempt was ambiguous, so is the failure of every later one.
 */
export function createCall(options: VodOptions): Call {
  const { clock, pacer } = options;
  const throughGate = createFirstCallGate();
  // Loaded while the journal waits for the disk.
  const loading = loadClient();
  loading.catch(() => undefined);

  return async (ask, onRetry, signal) => {
    const createClient = await loading;
    let ambiguous = false;
    const attempt = async (_number: number, previous: UploadFailure | undefined) => {
      const client = createClient((sdkCall) => send(options, sdkCall, previous, signal));
      await pacer.take(signal);
      try {
        return await ask(client);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof UploadFailure)) throw error;
        const { code, facts } = error;
        if (code === 'throttled') pacer.slowDown();
        ambiguous ||= facts.ambiguous === true;
        throw error.with({
          ambiguous,
          repeatAtOnce:
            facts.repeatAtOnce === true ||
            (facts.clockOffsetMs !== undefined && clock.correct(facts.clockOffsetMs)),
        });
      }
    };
    return throughGate(() => withRetries(attempt, options.policy, onRetry, signal), signal);
  };
}

/** Sends one call, signed, by the product's own transport; resolves to the `Response` within. */
async function send(
  options: VodOptions,
  call: SdkCall,
  previous: UploadFailure | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  const { secretId, secretKey, token } = await orAborted(options.credentials(), signal);
  const { host, stallTimeoutMs } = options;
  const { VodSessionKey: sessionKey } = call.parameters as { readonly VodSessionKey?: string };
  const timestamp = Math.floor(options.clock.now().getTime() / 1000);
  const body = Buffer.from(JSON.stringify(call.parameters));
  const answer = await sendRequest(
    {
      route: options.route,
      host,
      method: 'POST',
      path: '/',
      headers: {
        'content-type': CONTENT_TYPE,
        'content-length': body.length,
        'x-tc-action': call.action,
        'x-tc-version': call.version,
        'x-tc-region': options.region,
        'x-tc-requestclient': call.sdk,
        'x-tc-timestamp': timestamp,
        ...(token === undefined ? {} : { 'x-tc-token': token }),
        authorization: signTc3({ secretId, secretKey, host, body, timestamp }),
      },
      body,
      secrets: sessionKey === undefined ? [] : [sessionKey],
      previous,
      stallTimeoutMs,
    },
    signal,
  );
  return readVodAnswer(call.action, answer);
}
