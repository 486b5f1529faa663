import type COS from 'cos-nodejs-sdk-v5';
import type { XMLParser } from 'cos-fast-xml-parser';
import { UploadFailure } from '../core/errors.js';
import type { ObjectTarget } from '../core/ports.js';
import { visible } from '../core/text.js';
import { orAborted } from '../core/waits.js';
import type { HttpAnswer } from '../net/answer.js';
import { codingRemark } from '../net/quoted.js';
import { sendRequest } from '../net/request.js';
import { throughSdk } from '../net/sdk-exchange.js';
import { assertCosAnswer } from './failures.js';
import { hostOf } from './host.js';
import type { CosOptions } from './options.js';
import type { Attempt } from './repeat.js';
import { loadCosSdk, signingOffsetMs } from './sdk.js';

/** Merging may take minutes, during which the service sends spaces. */
const MERGE_TIMEOUT_MS = 15 * 60_000;

/** One attempt of one call of the SDK about one object. Throws UploadFailure. */
export type SdkCall = <T>(
  operation: string,
  target: ObjectTarget,
  attempt: Attempt,
  signal: AbortSignal,
  work: (cos: COS, object: { Bucket: string; Region: string; Key: string }) => Promise<T>,
) => Promise<T>;

/** The SDK makes the request and reads the answer; what is between them is the product's own. */
export function createSdkCall(options: CosOptions): SdkCall {
  return async (operation, target, attempt, signal, work) => {
    const Sdk = await loadCosSdk();
    const parser = await loadParser();
    const host = hostOf(target, attempt.domain);
    const { secretId, secretKey, token } =
      target.credentials ?? (await orAborted(options.credentials(), signal));
    return throughSdk(
      async ({ method, path, headers, body }) => {
        const answer = await sendRequest(
          {
            route: options.route,
            host,
            method,
            path,
            headers,
            body,
            previous: attempt.previous,
            stallTimeoutMs: options.stallTimeoutMs,
            ...(operation === 'CompleteMultipartUpload'
              ? { spacesTimeoutMs: MERGE_TIMEOUT_MS }
              : {}),
          },
          signal,
        );
        assertCosAnswer(operation, answer);
        return readable(parser, operation, answer);
      },
      (agent) => {
        const cos = new Sdk({
          SecretId: secretId,
          SecretKey: secretKey,
          ...(token === undefined ? {} : { SecurityToken: token }),
          Protocol: 'http:',
          Domain: host,
          SystemClockOffset: signingOffsetMs(options.clock),
          CorrectClockSkew: false,
          AutoSwitchHost: false,
        } as ConstructorParameters<typeof Sdk>[0]);
        cos.on('before-send', (request: { agent?: unknown; proxy?: unknown }) => {
          request.agent = agent;
          request.proxy = null;
        });
        return work(cos, { Bucket: target.bucket, Region: target.region, Key: target.key });
      },
    ).catch((thrown: unknown) => {
      throw thrown instanceof Error ? thrown : refusedBySdk(operation, thrown);
    });
  };
}

/** What the SDK does not even ask it rejects with an object that is no Error. */
function refusedBySdk(operation: string, thrown: unknown): UploadFailure {
  const { message = thrown } = Object(thrown) as { readonly message?: unknown };
  return new UploadFailure('bad-request', `${operation}: ${visible(String(message))}`, {
    hint: 'Run the same command again with --no-resume: the storage that VOD granted cannot be used.',
    cause: thrown,
  });
}

let loading: Promise<XMLParser> | undefined;

/** The SDK's own parser, as the SDK makes it. */
function loadParser(): Promise<XMLParser> {
  loading ??= import('cos-fast-xml-parser').then(
    ({ default: { XMLParser } }) =>
      new XMLParser({
        ignoreDeclaration: true,
        ignoreAttributes: true,
        parseTagValue: false,
        trimValues: false,
        processEntities: { maxTotalExpansions: Infinity },
      }),
  );
  return loading;
}

/**
 * The answer as the SDK can read it. The SDK lets exceptions escape as uncaught ones: those of its
 * parser, which is asked here first, and of writing to a root that has no elements. Only a list may
 * have none. An abort is answered with nothing, which the status says.
 */
function readable(parser: XMLParser, operation: string, answer: HttpAnswer): HttpAnswer {
  if (operation === 'AbortMultipartUpload') {
    if (answer.status === 204) return answer;
    throw new UploadFailure('not-the-service', `${operation}: HTTP ${answer.status} for a 204`, {
      ambiguous: true,
    });
  }
  const root = `${operation}Result`;
  let content: unknown;
  try {
    // While it merges the service sends spaces, and what follows may be a whole document.
    const text = answer.body.toString().trimStart();
    content = (parser.parse(text, true) as Record<string, unknown>)[root];
  } catch {
    content = undefined;
  }
  if (typeof content === 'object') return answer;
  const isEmpty = typeof content === 'string' && content.trim() === '';
  if (isEmpty && root.startsWith('List')) return { ...answer, body: Buffer.from(`<${root}/>`) };
  throw new UploadFailure(
    'not-the-service',
    `${operation}: the answer is not a ${root}${codingRemark(answer)}`,
    {
      ambiguous: true,
    },
  );
}
