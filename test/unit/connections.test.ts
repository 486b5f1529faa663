import assert from 'node:assert/strict';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { UploadFailure } from '../../src/core/errors.js';
import type { HttpAnswer } from '../../src/net/answer.js';
import type { Connection } from '../../src/net/connection.js';
import { Connections } from '../../src/net/connections.js';
import { createMeter } from '../../src/net/meter.js';
import { connected } from '../../src/net/open-connection.js';
import { quoted } from '../../src/net/quoted.js';
import { sendRequest, type HttpRequest } from '../../src/net/request.js';

/** Looks up a name that nobody knows yet. */
const NEVER = (): void => undefined;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const LAST = OK.replace('\r\n', '\r\nConnection: close\r\n');

/** A server on this machine that counts its connections, and a client of it. */
async function world(t: TestContext, server: net.Server, SocketType = net.Socket) {
  let connections = 0;
  server.on('connection', (socket: net.Socket) => {
    connections += 1;
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pool = new Connections((_host, _timeoutMs, signal) =>
    connected(new SocketType().connect(port, '127.0.0.1'), 'connect', signal),
  );
  const route = { connections: pool, meter: createMeter(), close: () => pool.close() };
  t.after(() => {
    route.close();
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  });
  return {
    port,
    connections: () => connections,
    route,
    send(
      changes: Partial<HttpRequest> = {},
      signal = new AbortController().signal,
    ): Promise<HttpAnswer> {
      const body = Buffer.from('{}');
      const request = { route, host: 'a', method: 'POST', path: '/', headers: {}, body };
      return sendRequest({ ...request, stallTimeoutMs: 2000, ...changes }, signal);
    },
  };
}

/** Answers each request, which comes in one piece, with this text. */
function answering(text: string): net.Server {
  return net.createServer((socket) => socket.on('data', () => socket.write(text)));
}

test('an answer comes with its request, for failures not to tell the secrets in it', async (t) => {
  const { send } = await world(t, answering(OK));
  const headers = { 'x-tc-token': 'TOKEN', authorization: 'Signature=0123abcd' };
  const answer = await send({ headers, secrets: ['KEY'] });
  assert.equal(quoted('TOKEN 0123abcd KEY', answer), '*** *** ***');
});

test('one request after the other takes the same connection, several at once take several', async (t) => {
  const { send, connections } = await world(t, answering(OK));
  for (let count = 0; count < 3; count++) assert.equal((await send()).body.toString(), 'ok');
  assert.equal(connections(), 1);
  await Promise.all([send(), send(), send()]);
  assert.equal(connections(), 3);
  await Promise.all([send(), send(), send()]);
  assert.equal(connections(), 3);
});

test('what a kept connection lost is asked for again over a new one, anything else over one that is kept', async (t) => {
  const { send, connections } = await world(t, answering(OK));
  await send();
  await send({ previous: new UploadFailure('network', 'never connected') });
  assert.equal(connections(), 1);
  await send({ previous: new UploadFailure('stalled', 'lost', { lostOverKept: true }) });
  assert.equal(connections(), 2);
});

test('many requests at once are served by those few connections that this process keeps busy', async (t) => {
  const { send, connections } = await world(t, answering(OK));
  const answers = await Promise.all(Array.from({ length: 200 }, () => send()));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(connections() < 100, String(connections()));
});

test('whoever waits for a new connection takes one that is released before', async (t) => {
  const server = answering(OK);
  const { port } = await world(t, server);
  let opened = 0;
  const pool = new Connections((_host, _timeoutMs, signal) => {
    opened += 1;
    // The second never comes about.
    const options = opened === 1 ? { port, host: '127.0.0.1' } : { port, host: 'a', lookup: NEVER };
    return connected(new net.Socket().connect(options), 'connect', signal);
  });
  t.after(() => pool.close());
  const controller = new AbortController();
  const take = (): Promise<Connection> => pool.take('a', 5000, controller.signal);
  const first = await take();
  const second = take();
  await pause(20);
  assert.equal(opened, 2);
  pool.release('a', first, { status: 200, headers: {}, body: Buffer.alloc(0) });
  assert.equal(await second, first);
  controller.abort();
});

test('an answer that is here before Node tells that its request is sent keeps the connection', async (t) => {
  /** As under TLS, where that word waits for the next turn of the event loop. */
  class LateSocket extends net.Socket {
    override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
      super._write(chunk, encoding, () => {
        this.once('data', () => process.nextTick(done));
      });
    }
  }
  const { send, connections } = await world(t, answering(OK), LateSocket);
  for (let count = 0; count < 3; count++) await send();
  assert.equal(connections(), 1);
});

for (const [what, text] of [
  ['that says that it is the last', LAST],
  ['that is about to end', OK.replace('\r\n', '\r\nKeep-Alive: timeout=1\r\n')],
  ['with something behind it', `${OK}HTTP/1.1 200 OK\r\n`],
] as const) {
  test(`a connection with an answer ${what} carries no other request`, async (t) => {
    const { send, connections } = await world(t, answering(text));
    for (let count = 1; count <= 3; count++) {
      assert.equal((await send()).status, 200);
      assert.equal(connections(), count);
    }
  });
}

test('a connection leaves nothing behind in the signal of whoever asked for it', async (t) => {
  const { send, connections } = await world(t, answering(LAST));
  const { signal } = new AbortController();
  const kept = (): number =>
    Object.getOwnPropertySymbols(signal)
      .map((name) => (signal as unknown as Record<symbol, { size?: number } | undefined>)[name])
      .reduce((sum, value) => sum + (value?.size ?? 0), 0);
  await send({}, signal);
  const before = kept();
  for (let count = 0; count < 2; count++) await send({}, signal);
  assert.equal(connections(), 3);
  assert.equal(kept(), before);
});

test('what comes in on a connection that waits is not the next answer', async (t) => {
  const server = net.createServer((socket) => {
    socket.once('data', () => {
      socket.write(OK);
      setTimeout(() => socket.write(OK.replace('ok', 'no')), 20);
    });
  });
  const { send, connections } = await world(t, server);
  for (let count = 1; count <= 3; count++) {
    assert.equal((await send()).body.toString(), 'ok');
    assert.equal(connections(), count);
    await pause(60);
  }
});

test('nor is it once another request has taken the connection and is not out yet', async (t) => {
  const server = net.createServer((socket) => {
    socket.once('data', () => {
      socket.write(OK);
      setTimeout(() => socket.write(OK.replace('ok', 'no')), 20);
    });
  });
  const { send } = await world(t, server);
  await send();
  const read = async (): Promise<Buffer> => {
    await pause(60);
    return Buffer.from('{}');
  };
  const body = { size: 2, read, usedUntil: () => undefined };
  await assert.rejects(send({ body }), (error) => {
    assert.ok(error instanceof UploadFailure);
    return error.code === 'network' && error.facts.repeatAtOnce === true;
  });
});

for (const [how, end] of [
  ['closed', (socket: net.Socket) => socket.destroySoon()],
  ['reset', (socket: net.Socket) => socket.resetAndDestroy()],
] as const) {
  test(`a kept connection that is ${how} instead of an answer is told from a new one`, async (t) => {
    let requests = 0;
    const server = net.createServer((socket) => {
      socket.on('data', () => {
        requests += 1;
        if (requests === 1) socket.write(OK);
        else end(socket);
      });
    });
    const { send } = await world(t, server);
    await send();
    for (const isKept of [true, false]) {
      await assert.rejects(send(), (error) => {
        assert.ok(error instanceof UploadFailure);
        assert.equal(error.message, 'a: connection reset');
        assert.equal(error.facts.repeatAtOnce, isKept);
        assert.equal(error.facts.lostOverKept === true, isKept);
        return error.facts.ambiguous === true;
      });
    }
  });
}

test('an answer that has neither a length nor an end is whole when the connection is closed', async (t) => {
  const server = net.createServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 502 Bad\r\n\r\nsorry'));
  });
  const { send, connections } = await world(t, server);
  assert.equal((await send()).body.toString(), 'sorry');
  assert.equal((await send()).status, 502);
  assert.equal(connections(), 2);
});

test('an answer that is cut short is none', async (t) => {
  const { send } = await world(
    t,
    net.createServer((socket) => socket.once('data', () => socket.end(OK.slice(0, -1)))),
  );
  await assert.rejects(send(), /connection reset/);
});

for (const [what, text] of [
  ['no HTTP', '220 mail.example ESMTP\r\n'],
  ['an answer without an end', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(17 * 1024 * 1024)}`],
] as const) {
  test(`${what} is told as that, at once, and the request may have been heard`, async (t) => {
    const { send } = await world(t, answering(text));
    await assert.rejects(send(), (error) => {
      assert.ok(error instanceof UploadFailure);
      assert.equal(error.code, 'not-the-service');
      return error.facts.ambiguous === true;
    });
  });
}

test('an abort is obeyed while the connection is made, and leaves none behind', async () => {
  const socket = new net.Socket().connect({ host: 'a', port: 9, lookup: NEVER });
  const controller = new AbortController();
  const pool = new Connections((_host, _timeoutMs, signal) => connected(socket, 'connect', signal));
  const opening = pool.take('a', 5000, controller.signal);
  await pause(20);
  const since = performance.now();
  controller.abort(new Error('enough'));
  await assert.rejects(opening, /enough/);
  assert.ok(performance.now() - since < 50);
  assert.equal(socket.destroyed, true);
});

test('an abort is obeyed before a kept connection carries anything', async (t) => {
  let received = 0;
  const server = net.createServer((socket) => {
    socket.on('data', ({ length }) => {
      received += length;
      socket.write(OK);
    });
  });
  const { send } = await world(t, server);
  await send();
  const before = received;
  const controller = new AbortController();
  const sending = send({}, controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(sending, /enough/);
  await pause(20);
  assert.equal(received, before);
});

test('a service that asks for patience for ever and reads nothing is given up', async (t) => {
  const server = net.createServer((socket) => {
    socket.pause();
    const talking = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 20);
    socket.on('close', () => clearInterval(talking));
  });
  const { send } = await world(t, server);
  const body = Buffer.alloc(32 * 1024 * 1024);
  await assert.rejects(send({ body, stallTimeoutMs: 300 }), (error) => {
    assert.ok(error instanceof UploadFailure);
    return error.code === 'stalled';
  });
});

test('an answer to a request that nobody reads is taken, and its connection closed', async (t) => {
  const closed: Promise<unknown>[] = [];
  const server = net.createServer((socket) => {
    closed.push(new Promise((resolve) => socket.once('close', resolve)));
    socket.once('data', () => socket.pause().write(OK));
    setTimeout(() => socket.resume(), 200);
  });
  const { send } = await world(t, server);
  assert.equal((await send({ body: Buffer.alloc(32 * 1024 * 1024) })).status, 200);
  await Promise.all(closed);
});

test('whoever closes the connections ends the requests that are under way, and those to come', async (t) => {
  const { send, route } = await world(t, net.createServer());
  const sending = [send(), send()];
  await pause(50);
  sending.push(send({ host: 'b' }));
  const since = performance.now();
  route.close();
  const ends = await Promise.allSettled(sending);
  assert.ok(performance.now() - since < 100);
  assert.ok(ends.every(({ status }) => status === 'rejected'));
});
