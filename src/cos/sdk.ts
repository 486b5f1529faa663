import { createRequire } from 'node:module';
import type COS from 'cos-nodejs-sdk-v5';

/** The SDK's class; loading it takes a quarter of a second, so it is done once there is work. */
export type CosSdk = typeof COS;

let loading: Promise<CosSdk> | undefined;

export function loadCosSdk(): Promise<CosSdk> {
  loading ??= import('cos-nodejs-sdk-v5').then((module) => module.default as unknown as CosSdk);
  return loading;
}

let getAuthorization: CosSdk['getAuthorization'] | undefined;

/**
 * `COS.getAuthorization`, from the file of the SDK that it is in: a signature needs a tenth of the
 * time and memory that the whole SDK takes.
 */
export function loadCosSignature(): CosSdk['getAuthorization'] {
  getAuthorization ??= (
    createRequire(import.meta.url)('cos-nodejs-sdk-v5/sdk/util.js') as {
      readonly getAuth: CosSdk['getAuthorization'];
    }
  ).getAuth;
  return getAuthorization;
}
