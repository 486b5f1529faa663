import type { vod as sdk } from 'tencentcloud-sdk-nodejs-vod';

export type Client = InstanceType<typeof sdk.v20180717.Client>;

/** One call as the SDK would make it. */
export interface SdkCall {
  readonly action: string;
  readonly version: string;
  readonly parameters: unknown;
  /** How the SDK names itself to the service. */
  readonly sdk: string;
}

/** Sends a call; resolves to the `Response` of its answer. */
export type Transport = (call: SdkCall) => Promise<unknown>;

/**
 * Loads the SDK, which `--help` and a dry run need not pay for. Its client knows the actions and the
 * API's version; the transport is the product's own, so that watchdogs, proxies and endpoints are the
 * same for every byte that leaves.
 */
export async function loadClient(): Promise<(transport: Transport) => Client> {
  const { default: file } =
    await import('tencentcloud-sdk-nodejs-vod/tencentcloud/services/vod/v20180717/vod_client.js');
  return (transport) => {
    const client = new file.Client({ credential: {}, region: '', profile: {} });
    const { apiVersion: version, sdkVersion } = client;
    client.request = (action, parameters) =>
      transport({ action, version, parameters, sdk: sdkVersion });
    return client;
  };
}
