import http from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import type tls from 'node:tls';
import type { Duplex } from 'node:stream';
import type { Throttle } from './throttle.js';
import { createMeter, type Meter } from './meter.js';
import { UploadFailure } from '../core/errors.js';
import { BodySocket } from './body-socket.js';
import { connectionFailure } from './connection-failure.js';
import { proxyFor, proxyForEndpoint, shownProxy, type ProxyEnvironment } from './proxy.js';

/** How requests of one service reach the network: kept-alive connections, shared by all of them. */
export interface Route {
  readonly secure: boolean;
  readonly agent: http.Agent;
  readonly meter: Meter;
  /** Holds bytes back where a rate limit is set. */
  readonly throttle?: Throttle;
  close(): void;
}

export interface RouteOptions {
  /** Connect here whatever the request's own host is; Host and signature stay the service's. */
  readonly endpoint?: URL;
  readonly proxies: ProxyEnvironment;
  readonly throttle?: Throttle;
}

type ConnectOptions = http.ClientRequestArgs & tls.ConnectionOptions;
type Connected = (error: Error | null, socket?: Duplex) => void;

/** Waiting longer than this for a connection is hopeless. */
const CONNECT_TIMEOUT_MS = 10_000;
const AGENT_OPTIONS = { keepAlive: true, scheduling: 'lifo', maxFreeSockets: 256 } as const;

export function createRoute({ endpoint, proxies, throttle }: RouteOptions): Route {
  const agent =
    endpoint?.protocol === 'http:' ? plainAgent(endpoint, proxies) : secureAgent(endpoint, proxies);
  return {
    secure: agent instanceof https.Agent,
    agent,
    meter: createMeter(),
    ...(throttle ? { throttle } : {}),
    close: () => agent.destroy(),
  };
}

/** Plain HTTP happens only towards a named endpoint. */
function plainAgent(endpoint: URL, proxies: ProxyEnvironment): http.Agent {
  const { host, port } = addressOf(endpoint, 80);
  class PlainAgent extends http.Agent {
    override createConnection(
      options: ConnectOptions,
      connected: Connected,
    ): Duplex | null | undefined {
      const proxy = proxyForEndpoint(host, proxies);
      if (!proxy)
        return new BodySocket(options as net.SocketConstructorOpts).connect({
          ...options,
          host,
          port,
        });
      tunnel(proxy, host, port).then((socket) => connected(null, socket), connected);
      return undefined;
    }
  }
  return new PlainAgent(AGENT_OPTIONS);
}

function secureAgent(endpoint: URL | undefined, proxies: ProxyEnvironment): https.Agent {
  class SecureAgent extends https.Agent {
    override createConnection(
      options: ConnectOptions,
      connected: Connected,
    ): Duplex | null | undefined {
      const service = options.host ?? '';
      const named = { ...options, servername: options.servername ?? service };
      const { host, port } = endpoint
        ? addressOf(endpoint, 443)
        : { host: service, port: Number(options.port ?? 443) };
      const proxy = endpoint ? proxyForEndpoint(host, proxies) : proxyFor(host, proxies);
      if (!proxy) return super.createConnection({ ...named, host, port });
      const secured = (socket: net.Socket): Duplex =>
        super.createConnection({ ...named, socket } as ConnectOptions) as Duplex;
      tunnel(proxy, host, port).then((socket) => connected(null, secured(socket)), connected);
      return undefined;
    }
  }
  return new SecureAgent(AGENT_OPTIONS);
}

function addressOf(url: URL, defaultPort: number): { host: string; port: number } {
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || defaultPort) };
}

/** Opens a connection to host:port through an HTTP proxy (CONNECT). */
function tunnel(proxy: URL, host: string, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const secure = proxy.protocol === 'https:';
    const authority = `${host}:${port}`;
    const login = `${decoded(proxy.username)}:${decoded(proxy.password)}`;
    const request = (secure ? https : http).request({
      ...addressOf(proxy, secure ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      agent: false,
      timeout: CONNECT_TIMEOUT_MS,
      headers: {
        Host: authority,
        ...(login === ':'
          ? {}
          : { 'Proxy-Authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
      },
    });
    request.on('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode === 200) {
        resolve(socket as net.Socket);
        return;
      }
      socket.destroy();
      reject(refusal(proxy, statusCode, authority));
    });
    request.on('timeout', () =>
      request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    request.on('error', (error) =>
      reject(connectionFailure(error, shownProxy(proxy), request, false)),
    );
    request.end();
  });
}

/** A proxy that cannot reach the service may do so later; one that does not want to will not. */
function refusal(proxy: URL, status: number, authority: string): UploadFailure {
  const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new UploadFailure(
    isFinal ? 'proxy-refused' : 'network',
    `${shownProxy(proxy)} answered ${status} to CONNECT ${authority}`,
    { unconnected: true },
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
