import type COS from 'cos-nodejs-sdk-v5';
import type { Clock } from '../net/clock.js';

/** The SDK's class, loaded once a multipart upload needs it. */
export type CosSdk = typeof COS;

export async function loadCosSdk(): Promise<CosSdk> {
  const module = await import('cos-nodejs-sdk-v5');
  return module.default as unknown as CosSdk;
}

let loadingSignature: Promise<CosSdk['getAuthorization']> | undefined;

/**
 * `COS.getAuthorization`, from the file of the SDK that it is in: a run of single PUTs needs no more. Each
 * asks for it, and the bundle's `import()` copies all that a file exports each time.
 */
export function loadCosSignature(): Promise<CosSdk['getAuthorization']> {
  loadingSignature ??= import('cos-nodejs-sdk-v5/sdk/util.js').then(
    (module) => module.default.getAuth,
  );
  return loadingSignature;
}

/**
 * COS refuses a signature that begins later than its own time. This is more than the local clock may
 * be ahead before it is corrected; the SDK's second is not.
 */
const BACKDATED_MS = 60_000;

/** What the SDK is to add to the local time before it signs. */
export function signingOffsetMs(clock: Clock): number {
  return clock.offsetMs - BACKDATED_MS;
}
