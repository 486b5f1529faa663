import { createHash, createHmac } from 'node:crypto';

export interface Tc3Input {
  readonly secretId: string;
  readonly secretKey: string;
  readonly service: string;
  readonly host: string;
  readonly contentType: string;
  readonly body: Buffer | string;
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
    `content-type:${input.contentType}`,
    `host:${input.host}`,
    '',
    signedHeaders,
    sha256(input.body),
  ].join('\n');
  const date = new Date(input.timestamp * 1000).toISOString().slice(0, 10);
  const scope = `${date}/${input.service}/tc3_request`;
  const stringToSign = ['TC3-HMAC-SHA256', input.timestamp, scope, sha256(canonicalRequest)].join(
    '\n',
  );
  const key = [date, input.service, 'tc3_request'].reduce<Buffer | string>(
    (secret, text) => createHmac('sha256', secret).update(text).digest(),
    `TC3${input.secretKey}`,
  );
  const signature = createHmac('sha256', key).update(stringToSign).digest('hex');
  return `TC3-HMAC-SHA256 Credential=${input.secretId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

function sha256(text: Buffer | string): string {
  return createHash('sha256').update(text).digest('hex');
}
