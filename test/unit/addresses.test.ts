import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { sendRequest } from '../../src/net/request.js';
import { createRoute } from '../../src/net/route.js';

const HOST = 'vod.tencentcloudapi.com';

/** Listens, has room for hardly anyone, and takes nobody in for so long. */
const SLOW_TO_ACCEPT = `
const server = require('node:net').createServer((socket) =>
  socket.once('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')));
server.listen({ host: '127.0.0.2', port: 0, backlog: 1 }, () => {
  process.stdout.write(String(server.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.argv[1]));
});`;

/** A host with two addresses, of which the first takes nobody in for so long; the second is `spare`, if any. */
async function slowHost(t: TestContext, acceptsAfterMs: number, spare?: net.Server) {
  const slow = spawn(process.execPath, ['-e', SLOW_TO_ACCEPT, String(acceptsAfterMs)]);
  t.after(() => slow.kill());
  const [port] = (await once(slow.stdout, 'data')) as [Buffer];
  if (spare) await once(spare.listen(Number(port), '127.0.0.3'), 'listening');
  t.after(() => spare?.close());
  const crowd = Array.from({ length: 4 }, () => net.connect(Number(port), '127.0.0.2'));
  for (const socket of crowd) socket.on('error', () => undefined);
  t.after(() => crowd.forEach((socket) => socket.destroy()));
  const addresses = ['127.0.0.2', '127.0.0.3'].map((address) => ({ address, family: 4 }));
  type Found = (error: null, found: typeof addresses) => void;
  t.mock.method(dns, 'lookup', (_host: string, _options: object, found: Found) =>
    found(null, addresses),
  );
  const route = createRoute({ endpoint: new URL(`http://far.example:${port}`), proxies: {} });
  t.after(() => route.close());
  const request = { route, host: HOST, method: 'GET', path: '/', headers: {} };
  return (stallTimeoutMs: number) =>
    sendRequest({ ...request, stallTimeoutMs }, new AbortController().signal);
}

const ON_LINUX = { skip: process.platform !== 'linux' && 'only Linux has all of 127.0.0.0/8' };

test(
  'an address that answers a handshake after a second is not given up for the next one',
  ON_LINUX,
  async (t) => {
    const send = await slowHost(t, 500);
    assert.equal((await send(5000)).status, 200);
  },
);

test('an address that is dead leaves time for the next one', ON_LINUX, async (t) => {
  const send = await slowHost(
    t,
    60_000,
    http.createServer((_request, response) => response.writeHead(204).end()),
  );
  assert.equal((await send(1500)).status, 204);
});
