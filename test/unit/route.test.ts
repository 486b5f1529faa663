import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { connectionFailure } from '../../src/net/connection-failure.js';
import { sendRequest } from '../../src/net/request.js';
import { createRoute, type RouteOptions } from '../../src/net/route.js';

const HOST = 'vod.tencentcloudapi.com';
/** A key, and a certificate of this host and this machine that nobody has issued. */
const SELF_SIGNED = readFileSync(new URL('../../../fixtures/tls/self-signed.pem', import.meta.url));

async function listen(server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** How a request fails on this route. */
async function failureOn(options: RouteOptions, stallTimeoutMs = 5000): Promise<UploadFailure> {
  const route = createRoute(options);
  const request = { route, host: HOST, method: 'GET', path: '/', headers: {}, stallTimeoutMs };
  try {
    await sendRequest(request, new AbortController().signal);
  } catch (error) {
    assert.ok(error instanceof UploadFailure);
    return error;
  } finally {
    route.close();
  }
  throw new Error('it was answered');
}

/** A proxy that answers CONNECT with this status and these headers, and what it was told. */
async function throughProxy(login: string, status: number, headers = '') {
  const proxy = http.createServer();
  let told: string | undefined;
  proxy.on('connect', (request, socket) => {
    told = request.headers['proxy-authorization'];
    socket.end(`HTTP/1.1 ${status} No\r\n${headers}\r\n`);
  });
  const address = await listen(proxy);
  const failure = await failureOn({ proxies: { HTTPS_PROXY: `http://${login}@${address}` } });
  proxy.close();
  return { failure, address, told: Buffer.from(told?.split(' ')[1] ?? '', 'base64').toString() };
}

test('a tunnel that is not open yet when its request is aborted ends with it', async () => {
  const proxy = http.createServer();
  const asked = once(proxy, 'connect') as Promise<[unknown, net.Socket]>;
  const route = createRoute({ proxies: { HTTPS_PROXY: `http://${await listen(proxy)}` } });
  const request = {
    route,
    host: HOST,
    method: 'GET',
    path: '/',
    headers: {},
    stallTimeoutMs: 5000,
  };
  const controller = new AbortController();
  const answer = sendRequest(request, controller.signal);
  const [, socket] = await asked;
  const gone = once(socket.resume(), 'end');
  controller.abort(new Error('stopped'));
  await assert.rejects(answer, /stopped/);
  await gone;
  socket.destroy();
  route.close();
  proxy.close();
});

describe('a place that was named to connect to', () => {
  const endpoint = new URL('http://127.0.0.1:9');

  for (const [variable, named] of [
    ['--proxy', 'http://127.0.0.1:9'],
    ['--proxy', 'https://127.0.0.1:9'],
    ['--proxy', 'http://[::1]:9'],
    ['HTTPS_PROXY', 'https://vod.example:9'],
    ['HTTPS_PROXY', 'http://vod.example:9'],
  ] as const) {
    test(`is reached through the proxy of ${variable}: ${named}`, async () => {
      const proxy = http.createServer();
      const asked: (string | undefined)[] = [];
      proxy.on('connect', ({ url }, socket) => {
        asked.push(url);
        socket.end('HTTP/1.1 403 No\r\n\r\n');
      });
      const proxies = { [variable]: `http://${await listen(proxy)}` };
      const failure = await failureOn({ endpoint: new URL(named), proxies });
      proxy.close();
      assert.equal(failure.code, 'proxy-refused');
      assert.deepEqual(asked, [new URL(named).host]);
    });
  }

  test('is named where nobody listens there', async () => {
    const { message } = await failureOn({ endpoint, proxies: {} });
    assert.equal(message, `${HOST}: ECONNREFUSED (127.0.0.1:9)`);
  });
});

describe('a proxy that fails', () => {
  test('is named with its port and without its password when it refuses, which is final', async () => {
    const { failure, address } = await throughProxy('user:geheim', 407);
    assert.equal(failure.code, 'proxy-refused');
    assert.equal(failure.message, `the proxy ${address} answered 407 to CONNECT ${HOST}:443`);
    assert.deepEqual([failure.rule.retry, failure.rule.halts], ['never', 'run']);
  });

  test('may be tried again when it cannot reach the service', async () => {
    const { failure } = await throughProxy('user:geheim', 502);
    assert.equal(failure.code, 'network');
    assert.equal(failure.facts.ambiguous ?? false, false);
  });

  test('is left alone for as long as it asks', async () => {
    const { failure } = await throughProxy('user:geheim', 503, 'Retry-After: 30\r\n');
    assert.equal(failure.facts.retryAfterMs, 30_000);
  });

  test('opens a connection by any success', async (t) => {
    const service = http.createServer((_request, response) => response.writeHead(204).end());
    const proxy = http.createServer();
    proxy.on('connect', (_request, socket: net.Socket) => {
      const { port } = service.address() as AddressInfo;
      const onward = net.connect(port, '127.0.0.1');
      socket.write('HTTP/1.1 201 Created\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    const endpoint = new URL(`http://${await listen(service)}`);
    const proxies = { '--proxy': `http://${await listen(proxy)}` };
    const route = createRoute({ endpoint, proxies });
    t.after(() => [route, service, proxy].forEach((one) => one.close()));
    const request = { route, host: HOST, method: 'GET', path: '/', headers: {} };
    const { signal } = new AbortController();
    assert.equal((await sendRequest({ ...request, stallTimeoutMs: 5000 }, signal)).status, 204);
  });

  test('gets a password that is not percent-encoded as it is', async () => {
    assert.equal((await throughProxy('user:100%', 407)).told, 'user:100%');
    assert.equal((await throughProxy('user:a%20b', 407)).told, 'user:a b');
  });

  test('is named when it has no end to its answer', async () => {
    const proxy = net.createServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nVia: ');
      const dripping = setInterval(() => socket.write('a'), 20);
      socket.on('error', () => undefined).on('close', () => clearInterval(dripping));
    });
    const address = await listen(proxy);
    const failure = await failureOn({ proxies: { HTTPS_PROXY: `http://${address}` } }, 300);
    proxy.close();
    assert.equal(failure.message, `the proxy ${address}: ETIMEDOUT`);
    assert.equal(failure.facts.ambiguous, false);
  });

  test('is named when nobody listens there', async () => {
    const server = net.createServer();
    const address = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const failure = await failureOn({ proxies: { HTTPS_PROXY: `http://u:geheim@${address}` } });
    assert.equal(failure.message, `the proxy ${address}: ECONNREFUSED`);
    assert.equal(failure.code, 'network');
  });
});

describe('a connection that never comes about', () => {
  test('counts as such also while TLS is being negotiated, and nothing was sent', async () => {
    const silent = net.createServer().on('connection', (socket) => socket.on('error', () => 0));
    const endpoint = new URL(`https://${await listen(silent)}`);
    const failure = await failureOn({ endpoint, proxies: {} }, 300);
    silent.close();
    assert.equal(failure.message, `${HOST}: ETIMEDOUT`);
    assert.equal(failure.facts.ambiguous, false);
  });

  for (const protocol of ['http', 'https']) {
    test(`counts as such where the system refuses to try, by ${protocol}`, async () => {
      const endpoint = new URL(`${protocol}://255.255.255.255:9`);
      const failure = await failureOn({ endpoint, proxies: {} });
      assert.match(failure.message, /^vod\.tencentcloudapi\.com: E[A-Z]+ /);
      assert.equal(failure.code, 'network');
      assert.equal(failure.facts.ambiguous, false);
    });
  }

  test('is not one that the network lost later', () => {
    const error = Object.assign(new Error('gone'), { code: 'EHOSTUNREACH', syscall: 'read' });
    for (const unconnected of [true, false]) {
      const failure = connectionFailure(error, HOST, { unconnected }) as UploadFailure;
      assert.equal(failure.facts.ambiguous, !unconnected);
    }
  });
});

describe('a certificate that is not trusted', () => {
  for (const [whose, asked, optionsAt] of [
    [
      'the service',
      HOST,
      (address: string) => ({ endpoint: new URL(`https://${address}`), proxies: {} }),
    ],
    [
      'the proxy',
      undefined,
      (address: string) => ({ proxies: { HTTPS_PROXY: `https://${address}` } }),
    ],
  ] as const) {
    test(`is refused whatever NODE_TLS_REJECT_UNAUTHORIZED says: that of ${whose}`, async (t) => {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
      let askedFor: string | undefined;
      const SNICallback = (name: string, use: (error: null) => void): void => {
        askedFor = name;
        use(null);
      };
      const own = { key: SELF_SIGNED, cert: SELF_SIGNED, SNICallback };
      const server = https.createServer(own, (_, response) => response.end());
      server.on('connect', (_, socket) => socket.end('HTTP/1.1 500 No\r\n\r\n'));
      t.after(() => {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
        server.close();
      });
      const failure = await failureOn(optionsAt(await listen(server)));
      assert.equal(failure.code, 'tls-untrusted');
      assert.equal(askedFor, asked);
    });
  }

  const refused = (code: string): UploadFailure =>
    connectionFailure(Object.assign(new Error(), { code }), HOST, {
      unconnected: true,
    }) as UploadFailure;

  for (const code of [
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'PATH_LENGTH_EXCEEDED',
    // Such as a key that is too short.
    'UNSPECIFIED',
  ]) {
    test(`is told as that, and not asked for again: ${code}`, () => {
      assert.equal(refused(code).code, 'tls-untrusted');
      assert.match(refused(code).hint, /NODE_EXTRA_CA_CERTS/);
    });
  }

  for (const code of ['ERR_TLS_CERT_ALTNAME_INVALID', 'HOSTNAME_MISMATCH']) {
    test(`is no matter of authorities where it is of another name: ${code}`, () => {
      assert.equal(refused(code).code, 'tls-untrusted');
      assert.match(refused(code).hint, /captive portal.*proxy.*DNS/);
    });
  }

  test('is not what two sides lack that agree on no TLS, whose network is in order', () => {
    for (const code of [
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
      'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    ]) {
      assert.equal(refused(code).code, 'network');
      assert.match(refused(code).hint, /intercepts TLS/);
    }
    const plain = Object.assign(new Error('SSL routines::wrong version number'), {
      code: 'EPROTO',
    });
    const failure = connectionFailure(plain, HOST, { unconnected: true }) as UploadFailure;
    assert.match(failure.hint, /http:\/\/ where the other side speaks no TLS/);
    assert.equal(refused('ERR_SSL_WRONG_VERSION_NUMBER').hint, failure.hint);
  });

  for (const code of ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']) {
    test(`for its dates may be so for the clock of this machine: ${code}`, () => {
      assert.equal(refused(code).code, 'tls-untrusted');
      assert.match(refused(code).hint, /clock/);
    });
  }
});
