import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import type { Throttle } from './throttle.js';
import { createMeter, type Meter } from './meter.js';
import { UploadFailure } from '../core/errors.js';
import { addressOf, allAddresses, type Address } from './addresses.js';
import { BodySocket } from './body-socket.js';
import { connectionFailure } from './connection-failure.js';
import { Connections } from './connections.js';
import { connected, type Connect } from './open-connection.js';
import { proxyFor, shownProxy, type ProxyEnvironment } from './proxy.js';
import { waitAskedFor } from './retry-after.js';

/** How requests of one service reach the network: kept-alive connections, shared by all of them. */
export interface Route {
  readonly connections: Connections;
  readonly meter: Meter;
  /** Holds bytes back where a rate limit is set. */
  readonly throttle?: Throttle | undefined;
  close(): void;
}

export interface RouteOptions {
  /** Connect here whatever the request's own host is; Host and signature stay the service's. */
  readonly endpoint?: URL | undefined;
  readonly proxies: ProxyEnvironment;
  readonly throttle?: Throttle | undefined;
}

/** Whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
const VERIFIED = { rejectUnauthorized: true };

export function createRoute({ endpoint, proxies, throttle }: RouteOptions): Route {
  const connect =
    endpoint?.protocol === 'http:'
      ? plainConnect(endpoint, proxies)
      : secureConnect(endpoint, proxies);
  const connections = new Connections(connect);
  return {
    connections,
    meter: createMeter(),
    throttle,
    close: () => connections.close(),
  };
}

/** Plain HTTP happens only towards a named endpoint. */
function plainConnect(endpoint: URL, proxies: ProxyEnvironment): Connect {
  const address = addressOf(endpoint);
  return async (_service, timeoutMs, signal) => {
    const proxy = proxyFor(address, proxies);
    if (proxy) return tunnel(proxy, address, timeoutMs, signal);
    const place = await allAddresses(address, timeoutMs, signal);
    return connected(new BodySocket().connect(place), 'connect', signal);
  };
}

function secureConnect(endpoint: URL | undefined, proxies: ProxyEnvironment): Connect {
  /** What spares the next connection most of its handshake, by service. */
  const sessions = new Map<string, Buffer>();
  return async (service, timeoutMs, signal) => {
    const address = endpoint ? addressOf(endpoint) : { host: service, port: 443 };
    const proxy = proxyFor(address, proxies);
    const place = proxy
      ? { socket: await tunnel(proxy, address, timeoutMs, signal) }
      : await allAddresses(address, timeoutMs, signal);
    const socket = tls.connect({
      ...place,
      ...VERIFIED,
      servername: service,
      ALPNProtocols: ['http/1.1'],
      session: sessions.get(service),
    });
    socket.on('session', (session) => sessions.set(service, session));
    socket.on('close', (hadError) => {
      if (hadError) sessions.delete(service);
    });
    return connected(socket, 'secureConnect', signal);
  };
}

/** Opens a connection to host:port through an HTTP proxy (CONNECT). */
async function tunnel(
  proxy: URL,
  { host, port }: Address,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<net.Socket> {
  const failed = (error: unknown): Error =>
    connectionFailure(error as Error, shownProxy(proxy), { unconnected: true });
  const place = await allAddresses(addressOf(proxy), timeoutMs, signal).catch((error: unknown) => {
    throw failed(error);
  });
  const { host: name } = addressOf(proxy);
  return new Promise((resolve, reject) => {
    const authority = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
    const login = `${decoded(proxy.username)}:${decoded(proxy.password)}`;
    const request = (proxy.protocol === 'https:' ? https : http).request({
      ...place,
      ...VERIFIED,
      // Else Node takes the name in the header Host, which is another one.
      servername: net.isIP(name) ? '' : name,
      method: 'CONNECT',
      path: authority,
      agent: false,
      signal,
      headers: {
        Host: authority,
        ...(login === ':'
          ? {}
          : { 'Proxy-Authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
      },
    });
    request.on('connect', (answer, socket, behind) => {
      const { statusCode = 0 } = answer;
      if (statusCode >= 200 && statusCode < 300) {
        if (behind.length > 0) socket.unshift(behind);
        resolve(socket as net.Socket);
        return;
      }
      socket.destroy();
      reject(refusal(proxy, answer, authority));
    });
    request.on('error', (error) => {
      reject(failed(signal.aborted ? signal.reason : error));
    });
    request.end();
  });
}

/** A proxy that cannot reach the service may do so later; one that does not want to will not. */
function refusal(proxy: URL, answer: http.IncomingMessage, authority: string): UploadFailure {
  const { statusCode: status = 0, headers } = answer;
  const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new UploadFailure(
    isFinal ? 'proxy-refused' : 'network',
    `${shownProxy(proxy)} answered ${status} to CONNECT ${authority}`,
    waitAskedFor(headers),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
