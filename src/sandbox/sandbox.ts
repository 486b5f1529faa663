import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { resolve } from 'node:path';
import { createClientService } from './client-service.js';
import { createCosService } from './cos-service.js';
import { xmlDocument } from './cos-xml.js';
import type { RequestRecord } from './exchange.js';
import { createFaultChooser } from './faults.js';
import type { FaultRule } from './faults.js';
import { createListener } from './serve.js';
import { openState } from './state.js';
import type { PartRecord, SessionRecord, State } from './state.js';
import { createActions } from './vod-actions.js';
import { createVodService } from './vod-service.js';
import { createSessions } from './vod-sessions.js';

export type { RequestRecord } from './exchange.js';
export type { FaultRule } from './faults.js';
export type { SessionRecord } from './state.js';

export interface SandboxOptions {
  /** Objects are ordinary files at `<dir>/<bucket>/<object key>`; the state is in `<dir>/.sandbox`. */
  readonly dir: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly faults?: readonly FaultRule[];
  /** Makes the draws of probable faults reproducible. */
  readonly seed?: number;
  readonly certificateTtlMs?: number;
  /** VOD calls a second of each action before RequestLimitExceeded. */
  readonly apiRateLimit?: number;
  /** How long a processing task takes. */
  readonly taskMs?: number;
}

/** A multipart upload neither completed nor aborted. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly parts: readonly Pick<PartRecord, 'number' | 'size' | 'etag' | 'crc64'>[];
}

export interface Sandbox {
  readonly origin: string;
  readonly port: number;
  readonly secretId: string;
  readonly secretKey: string;
  /** What arrived, in order; the last 10,000. */
  readonly requests: readonly RequestRecord[];
  /** Every apply, in order. */
  sessions(): SessionRecord[];
  openUploads(): OpenUpload[];
  /** Where the object with this key is, or would be, on disk. */
  objectPath(key: string): string;
  /** More faults, after those already there. */
  addFaults(...rules: FaultRule[]): void;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const TTL_MS = 2 * 3_600_000;
const IDLE_CONNECTION_MS = 15_000;

/** Starts a local VOD and COS that judge requests as strictly as the services do. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const dir = resolve(options.dir);
  const state = openState(dir);
  const requests: RequestRecord[] = [];
  const faults = createFaultChooser(options.faults ?? [], options.seed ?? 1);
  const sessions = createSessions(state, options.certificateTtlMs ?? TTL_MS);
  const actions = createActions(state, sessions, options.taskMs ?? 1500);
  const services = {
    vod: createVodService(state, actions, options.apiRateLimit ?? 100),
    cos: createCosService(state),
    client: createClientService(state, sessions),
  };
  const listener = createListener(services, faults, requests);
  const running = new Set<Promise<void>>();
  const server = createServer();
  server.on('request', (req, res) => {
    const served = listener(req, res).finally(() => running.delete(served));
    running.add(served);
  });
  const port = await listen(server, options.port ?? 0);
  let closing: Promise<void> | undefined;

  async function shut(): Promise<void> {
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
    await Promise.allSettled(running);
    state.close();
  }

  const { secretId, secretKey } = state.keys;
  return {
    origin: `http://${HOST}:${port}`,
    port,
    secretId,
    secretKey,
    requests,
    sessions: () => [...state.sessions.values()],
    openUploads: () => presentUploads(state),
    objectPath: (key) => state.objectPath(bucketOfKey(state, key), key),
    addFaults: (...rules) => faults.add(rules),
    close: () => (closing ??= shut()),
  };
}

async function listen(server: Server, port: number): Promise<number> {
  server.requestTimeout = 0; // bodies have an idle limit of their own
  server.keepAliveTimeout = IDLE_CONNECTION_MS;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    socket.end(error.code === 'HPE_INVALID_EOF_STATE' ? INCOMPLETE : BAD_REQUEST);
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, HOST, () => {
      server.off('error', fail);
      done();
    });
  });
  return (server.address() as AddressInfo).port;
}

const INCOMPLETE = rawAnswer(
  xmlDocument('Error', [
    ['Code', 'IncompleteBody'],
    ['Message', 'The body ended before the announced Content-Length.'],
  ]),
);
const BAD_REQUEST = rawAnswer('');

function rawAnswer(body: string): string {
  const lines = [
    'HTTP/1.1 400 Bad Request',
    'Connection: close',
    'Content-Type: application/xml',
    'x-cos-request-id: NoRequest',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function presentUploads(state: State): OpenUpload[] {
  return [...state.uploads.values()].map(({ key, uploadId, parts }) => ({
    key,
    uploadId,
    parts: [...parts.values()]
      .sort((a, b) => a.number - b.number)
      .map(({ number, size, etag, crc64 }) => ({ number, size, etag, crc64 })),
  }));
}

/** The bucket whose session's directory holds the key. */
function bucketOfKey(state: State, key: string): string {
  const directory = key.slice(0, key.lastIndexOf('/') + 1);
  for (const { bucket, mediaKey } of state.sessions.values()) {
    const own = mediaKey.slice(0, mediaKey.lastIndexOf('/') + 1);
    if (directory.startsWith(own)) return bucket;
  }
  throw new Error(`no session covers the key ${key}`);
}
