import { createHash, createHmac } from 'node:crypto';

/** What the body is, which is signed as well. */
export const CONTENT_TYPE = 'application/json';
const SERVICE = 'vod';

export interface Tc3Input {
  readonly secretId: string;
  readonly secretKey: string;
  readonly host: string;
  readonly body: Buffer;
  /** Unix seconds. */
  readonly timestamp: number;
}

/** The Authorization header of a POST to `/` by TC3-HMAC-SHA256 (protocol: VOD, 1.1). */
export function signTc3(input: Tc3Input): string {
  const signedHeaders = 'content-type;host';
  const canonicalRequest = [
    'POST',
    '/',
    '',
    `content-type:${CONTENT_TYPE}`,
    `host:${input.host}`,
    '',
    signedHeaders,
    sha256(input.body),
  ].join('\n');
  const date = new Date(input.timestamp * 1000).toISOString().slice(0, 10);
  const scope = `${date}/${SERVICE}/tc3_request`;
  const stringToSign = ['TC3-HMAC-SHA256', input.timestamp, scope, sha256(canonicalRequest)].join(
    '\n',
  );
  const signature = createHmac('sha256', signingKey(input, date))
    .update(stringToSign)
    .digest('hex');
  return `TC3-HMAC-SHA256 Credential=${input.secretId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

let latest: { readonly of: string; readonly key: Buffer | string } | undefined;

/** The same for all calls of a day, and dearer than the rest of a signature. */
function signingKey({ secretKey }: Tc3Input, date: string): Buffer | string {
  const of = [date, secretKey].join('\n');
  if (latest?.of === of) return latest.key;
  const key = [date, SERVICE, 'tc3_request'].reduce<Buffer | string>(
    (secret, text) => createHmac('sha256', secret).update(text).digest(),
    `TC3${secretKey}`,
  );
  latest = { of, key };
  return key;
}

function sha256(text: Buffer | string): string {
  return createHash('sha256').update(text).digest('hex');
}
