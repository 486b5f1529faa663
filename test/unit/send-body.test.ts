import assert from 'node:assert/strict';
import { pbkdf2, randomBytes } from 'node:crypto';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { UploadFailure } from '../../src/core/errors.js';
import { BodySocket } from '../../src/net/body-socket.js';
import type { Throttle } from '../../src/net/throttle.js';
import { sendRequest } from '../../src/net/request.js';
import { routeTo } from '../helpers/route-to.js';

const MIB = 1024 * 1024;
const CONTENT = randomBytes(16 * MIB);

/** A body in chunks of 2 MiB, each in the same memory, as bodies of parts are. */
function bodyOf(content: Buffer, usedUntil: (end: Promise<unknown>) => void) {
  const memory = Buffer.alloc(2 * MIB);
  return {
    size: content.length,
    usedUntil,
    read: async (position: number) =>
      memory.subarray(0, content.copy(memory, 0, position, position + memory.length)),
  };
}

/** Sends the content to a server on this machine by plain HTTP. */
async function sender(
  t: TestContext,
  server: net.Server,
  options: { readonly throttle?: Throttle; readonly stallTimeoutMs?: number } = {},
) {
  const route = await routeTo(t, server, options);
  return (
    signal = new AbortController().signal,
    usedUntil: (end: Promise<unknown>) => void = () => undefined,
  ) => {
    const headers = { 'Content-Length': CONTENT.length };
    const body = bodyOf(CONTENT, usedUntil);
    const request = { route, host: 'a', method: 'PUT', path: '/', headers, body };
    return sendRequest({ stallTimeoutMs: 5000, ...options, ...request }, signal);
  };
}

test('a reader that stops again and again gets every byte, and the connection serves the next request', async (t) => {
  let connections = 0;
  const received: Buffer[] = [];
  async function readSlowly(request: http.IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (chunks.push(chunk) % 40 === 0) await pause(5);
    }
    received.push(Buffer.concat(chunks));
  }
  const server = http.createServer((request, response) => {
    void readSlowly(request).then(() => response.end());
  });
  server.on('connection', () => (connections += 1));
  const send = await sender(t, server);
  for (let request = 0; request < 3; request++) assert.equal((await send()).status, 200);
  assert.ok(received.every((bytes) => bytes.equals(CONTENT)));
  assert.deepEqual([received.length, connections], [3, 1]);
});

for (const closes of [false, true]) {
  test(`an answer in the middle of the body is taken${closes ? ', also where the connection is closed at once' : ''}`, async (t) => {
    const server = http.createServer((request, response) => {
      request.once('data', () => {
        response.writeHead(403).end('no');
        if (closes) request.socket.destroySoon();
        else request.pause();
      });
    });
    const send = await sender(t, server);
    const { status, body } = await send();
    assert.deepEqual([status, body.toString()], [403, 'no']);
  });
}

test('a connection that is reset in the middle of the body is a network failure', async (t) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy());
  });
  const send = await sender(t, server);
  await assert.rejects(send(), (error) => {
    assert.ok(error instanceof UploadFailure);
    return error.code === 'network';
  });
});

test('bytes that a rate limit holds back for long are no stall', async (t) => {
  const throttle = { take: () => pause(400), sliceSize: () => 4 * MIB, waiting: 0, heldMs: 0 };
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => response.end());
  });
  const send = await sender(t, server, { throttle, stallTimeoutMs: 200 });
  assert.equal((await send()).status, 200);
});

test('an abort is obeyed at once while the other side does not read', async (t) => {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => sockets.push(socket.pause()));
  const send = await sender(t, server);
  const controller = new AbortController();
  const sending = send(controller.signal);
  await pause(100);
  const since = performance.now();
  controller.abort(new Error('enough'));
  await assert.rejects(sending, /enough/);
  assert.ok(performance.now() - since < 50);
  sockets.forEach((socket) => socket.destroy());
});

/** All threads of the pool have other work for some time. */
function occupyThreads(): void {
  for (let thread = 0; thread < 4; thread++) pbkdf2('', '', 200_000, 64, 'sha512', () => undefined);
}

test('a request that is given up tells that another thread uses its chunk until it has sent it', async (t) => {
  const server = net.createServer((socket) => socket.on('error', () => undefined).resume());
  const send = await sender(t, server);
  const controller = new AbortController();
  let inUse = false;
  const sending = send(controller.signal, (end) => {
    inUse = true;
    void end.then(() => (inUse = false));
  });
  occupyThreads();
  while (!inUse) await pause(1);
  controller.abort(new Error('enough'));
  await assert.rejects(sending, /enough/);
  assert.equal(inUse, true);
  while (inUse) await pause(1);
});

test('a descriptor is not closed while another thread writes to it, whatever comes in meanwhile', async (t) => {
  const server = net.createServer((socket) => {
    const talking = setInterval(() => socket.write('news'), 1);
    socket.on('error', () => undefined).on('close', () => clearInterval(talking));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = new BodySocket().connect(port, '127.0.0.1').resume();
  await new Promise((resolve) => socket.once('connect', resolve));
  const events: string[] = [];
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve(void events.push('closed')));
  });
  occupyThreads();
  const written = socket.writeAside(CONTENT).then((count) => {
    events.push('written');
    return count;
  });
  socket.destroy();
  await closed;
  assert.deepEqual(events, ['written', 'closed']);
  assert.ok((await written) > 0);
  assert.equal(await socket.writeAside(CONTENT), 0);
});
