import http from 'node:http';
import { Duplex } from 'node:stream';
import { UploadFailure } from '../core/errors.js';
import type { HttpAnswer } from './answer.js';

/** A request as an SDK wrote it. */
export interface SdkRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends the request for the SDK; the answer that it resolves to is the one that the SDK reads. */
export type Transport = (request: SdkRequest) => Promise<HttpAnswer>;

/**
 * Lets a vendor SDK sign, encode and decode while this product's own transport carries the bytes:
 * the agent handed to the SDK connects to nothing, it collects the request and passes it on. So
 * watchdogs, proxies, endpoints and retries are the same for every byte that leaves, and an answer
 * that would crash the SDK never reaches it. One exchange is one request: where the SDK makes another of
 * its own, since that failed or it cannot read the answer, it fails at once, and so does the call.
 */
export async function throughSdk<T>(
  transport: Transport,
  call: (agent: http.Agent) => Promise<T>,
): Promise<T> {
  let isAsked = false;
  let failure: unknown;
  const once: Transport = async (request) => {
    if (isAsked) throw (failure ??= unreadable());
    isAsked = true;
    try {
      return await transport(request);
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  try {
    return await call(new TransportAgent(once));
  } catch (error) {
    throw failure ?? error;
  }
}

function unreadable(): UploadFailure {
  return new UploadFailure('not-the-service', 'the SDK cannot read the answer', {
    ambiguous: true,
  });
}

class TransportAgent extends http.Agent {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    super({ keepAlive: false });
    this.#transport = transport;
  }

  override createConnection(): Duplex {
    return new TransportSocket(this.#transport);
  }
}

/** One end of a connection of which the other end is a function. */
class TransportSocket extends Duplex {
  readonly #transport: Transport;
  readonly #received: Buffer[] = [];
  #isSent = false;

  constructor(transport: Transport) {
    super();
    this.#transport = transport;
  }

  override _read(): void {
    // Data is pushed when the answer is there.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#received.push(chunk);
    done();
    const request = parseRequest(Buffer.concat(this.#received));
    if (request === undefined || this.#isSent) return;
    this.#isSent = true;
    this.#transport(request).then(
      (answer) => {
        this.push(serialize(answer));
        this.push(null);
      },
      (error: Error) => this.destroy(error),
    );
  }

  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

/** The request once it is complete; undefined before that. SDKs always send Content-Length. */
function parseRequest(bytes: Buffer): SdkRequest | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const [method = '', path = ''] = first.split(' ');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const body = bytes.subarray(headEnd + 4);
  if (body.length < Number(headers['content-length'] ?? 0)) return undefined;
  return { method, path, headers, body };
}

function serialize({ status, headers, body }: HttpAnswer): Buffer {
  const lines = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? 'Unknown'}`];
  for (const [name, value] of Object.entries(headers)) {
    if (/^(transfer-encoding|content-length|connection|keep-alive)$/.test(name)) continue;
    lines.push(`${name}: ${value}`);
  }
  lines.push(`content-length: ${body.length}`, 'connection: close', '', '');
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body]);
}
