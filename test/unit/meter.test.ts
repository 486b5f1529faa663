import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMeter, type Flow } from '../../src/net/meter.js';

const SIZE = 32 * 1024 * 1024;

suite('the meter', () => {
  let server: net.Server;
  let client: Socket;
  let peer: Socket;

  before(async () => {
    server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());
  beforeEach(async () => {
    client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    const connected = once(client, 'connect');
    [peer] = (await once(server, 'connection')) as [Socket];
    await connected;
  });
  afterEach(() => client.destroy());

  /** What is left once the kernels on both sides have taken all that they take unread. */
  async function settled(flow: Flow): Promise<number> {
    let before = Infinity;
    for (let left = flow.unacknowledged(); left < before; left = flow.unacknowledged()) {
      before = left;
      await sleep(100);
    }
    return before;
  }

  test('counts what the other side has, not what a socket was given', async () => {
    const meter = createMeter();
    const flow = meter.open(client);
    flow.writing(SIZE);
    const written = new Promise((resolve) => client.write(Buffer.alloc(SIZE), resolve));
    await sleep(50);
    assert.ok(meter.acknowledged() < SIZE / 2, String(meter.acknowledged()));
    assert.ok(flow.unacknowledged() > SIZE / 2, String(flow.unacknowledged()));

    peer.resume();
    await written;
    flow.took();
    for (let tries = 0; meter.acknowledged() < SIZE && tries < 500; tries++) await sleep(10);
    assert.equal(meter.acknowledged(), SIZE);
  });

  test('sees a slow reader take a part of what is one write', async () => {
    const meter = createMeter();
    const flow = meter.open(client);
    flow.writing(SIZE);
    client.write(Buffer.alloc(SIZE));
    const held = await settled(flow);
    peer.once('data', () => peer.pause());
    for (let reads = 0; reads < 200; reads++) {
      peer.resume();
      await sleep(1);
      peer.pause();
    }
    await sleep(50);
    const left = flow.unacknowledged();
    assert.ok(left < held, `${left} of ${held}`);
  });

  test('tells which requests wait for their answers: not before the other side has all', async () => {
    const meter = createMeter();
    const flow = meter.open(client);
    flow.writing(SIZE);
    const written = new Promise((resolve) => client.write(Buffer.alloc(SIZE), resolve));
    await sleep(50);
    assert.equal(meter.unanswered(), 0);
    peer.resume();
    await written;
    flow.took();
    assert.equal(meter.unanswered(), 0, 'of this body more may come');
    flow.sent();
    for (let tries = 0; meter.unanswered() === 0 && tries < 1000; tries++) await sleep(10);
    assert.equal(meter.unanswered(), 1);
    const before = meter.answering;
    await sleep(50);
    meter.acknowledged();
    assert.ok(meter.answering > before, `${meter.answering} after ${before}`);
    flow.close();
    assert.equal(meter.unanswered(), 0);
  });

  test('does not fall when a request ends before all of it was written', async () => {
    const meter = createMeter();
    const flow = meter.open(client);
    flow.writing(SIZE);
    client.write(Buffer.alloc(SIZE));
    peer.once('data', () => peer.pause());
    peer.resume();
    await settled(flow);
    const counted = meter.acknowledged();
    assert.ok(counted > 0 && counted < SIZE, String(counted));
    flow.close();
    assert.ok(meter.acknowledged() >= counted, `${meter.acknowledged()} after ${counted}`);
    assert.ok(meter.acknowledged() < SIZE);
  });
});
