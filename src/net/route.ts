import http from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import type tls from 'node:tls';
import type { Duplex } from 'node:stream';
import type { Throttle } from './throttle.js';
import { createMeter, type Meter } from './meter.js';
import { proxyFor, type ProxyEnvironment } from './proxy.js';

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
type Connected = (error: Error | null, socket: Duplex) => void;

/** Waiting longer than this for a connection is hopeless. */
const CONNECT_TIMEOUT_MS = 10_000;
const AGENT_OPTIONS = { keepAlive: true, scheduling: 'lifo', maxFreeSockets: 256 } as const;

export function createRoute({ endpoint, proxies, throttle }: RouteOptions): Route {
  const agent =
    endpoint?.protocol === 'http:' ? plainAgent(endpoint) : secureAgent(endpoint, proxies);
  return {
    secure: agent instanceof https.Agent,
    agent,
    meter: createMeter(),
    ...(throttle ? { throttle } : {}),
    close: () => agent.destroy(),
  };
}

/** Plain HTTP happens only towards a named endpoint. */
function plainAgent(endpoint: URL): http.Agent {
  class PlainAgent extends http.Agent {
    override createConnection(options: ConnectOptions): Duplex | null | undefined {
      return super.createConnection({ ...options, ...addressOf(endpoint, 80) });
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
      const host = options.host ?? '';
      const named = { ...options, servername: options.servername ?? host };
      if (endpoint) return super.createConnection({ ...named, ...addressOf(endpoint, 443) });
      const proxy = proxyFor(host, proxies);
      if (!proxy) return super.createConnection(named);
      const secured = (socket: net.Socket): Duplex =>
        super.createConnection({ ...named, socket } as ConnectOptions) as Duplex;
      tunnel(proxy, host, Number(options.port ?? 443)).then(
        (socket) => connected(null, secured(socket)),
        (error: Error) => connected(error, undefined as unknown as Duplex),
      );
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
    const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
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
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) {
        resolve(socket as net.Socket);
        return;
      }
      socket.destroy();
      reject(
        Object.assign(
          new Error(`the proxy ${proxy.host} answered ${response.statusCode} to CONNECT`),
          {
            code: 'EPROXY',
          },
        ),
      );
    });
    request.on('timeout', () =>
      request.destroy(
        Object.assign(new Error(`the proxy ${proxy.host} did not answer`), { code: 'ETIMEDOUT' }),
      ),
    );
    request.on('error', reject);
    request.end();
  });
}
