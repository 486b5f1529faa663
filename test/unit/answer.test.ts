import assert from 'node:assert/strict';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerReader, NotHttp, type HttpAnswer } from '../../src/net/answer.js';

interface Read {
  readonly answer: HttpAnswer | undefined;
  readonly isLast: boolean;
}

/** Reads an answer that comes in these pieces, and then the end of the connection if it is not whole. */
function readPieces(pieces: readonly Buffer[], method = 'GET'): Read {
  const reader = new AnswerReader(method, () => undefined);
  let answer: HttpAnswer | undefined;
  for (const piece of pieces) answer ??= reader.read(piece);
  return { answer: answer ?? reader.end(), isLast: reader.isLast };
}

function read(text: string, method?: string): Read {
  return readPieces([Buffer.from(text, 'latin1')], method);
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % bytes.length))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index]));
}

const WHOLE: Readonly<Record<string, string>> = {
  'with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "e"\r\n\r\nhello',
  'without a reason': 'HTTP/1.1 503\r\ncontent-length:0\r\n\r\n',
  'with a reason of any kind': 'HTTP/1.1 404 Nicht \xfcberall\r\nContent-Length: 0\r\n\r\n',
  'in chunks':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a="b"\r\n world\r\n0\r\n\r\n',
  'in chunks, with a trailer':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\nTime: 1\r\n\r\n',
  'in chunks whose sizes are padded':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0000000000005\r\nhello\r\n000000000\r\n\r\n',
  'in chunks, as it says twice':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  'after ends of lines': '\r\n\n\rHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
  'without a body': 'HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n',
  'after others that announce it':
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny',
  'with headers that are repeated':
    'HTTP/1.1 200 OK\r\nETag: 1\r\nETag: 2\r\nConnection: a\r\nConnection: b\r\nContent-Length: 0\r\n\r\n',
  'with empty and padded values':
    'HTTP/1.1 200 OK\r\nA:\r\nB: \t b \t\r\nContent-Length: 0\r\n\r\n',
  'that says that it is the last':
    'HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok',
  'of the old version': 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'of the old version that is kept':
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
};
const UNTIL_CLOSED = 'HTTP/1.1 200 OK\r\nServer: x\r\n\r\nall of it';

/** Reads what a server says by node:http. */
async function readByNode(says: string): Promise<HttpAnswer> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(says, 'latin1'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ port, host: '127.0.0.1', agent: false }, resolve).on('error', reject);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const { statusCode = 0, headers } = response;
    const body = Buffer.concat(chunks);
    return { status: statusCode, headers: headers as Record<string, string>, body };
  } finally {
    server.close();
  }
}

for (const [name, text] of Object.entries({ ...WHOLE, 'until it is closed': UNTIL_CLOSED })) {
  test(`an answer ${name} is read as Node reads it`, async () => {
    const { answer } = read(text);
    const expected = await readByNode(text);
    assert.equal(answer?.status, expected.status);
    assert.deepEqual({ ...answer.headers }, { ...expected.headers });
    assert.deepEqual(answer.body, expected.body);
  });
}

test('it is the same in whatever pieces it comes', () => {
  const texts = fc.constantFrom(...Object.values(WHOLE));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(), { maxLength: 40 }), (text, places) => {
      assert.deepEqual(readPieces(cut(Buffer.from(text, 'latin1'), places)), read(text));
    }),
  );
});

test('an answer that is not whole is none', () => {
  const texts = fc.constantFrom(...Object.values(WHOLE));
  fc.assert(
    fc.property(texts, fc.nat(), (text, place) => {
      const reader = new AnswerReader('GET', () => undefined);
      const part = Buffer.from(text.slice(0, place % text.length), 'latin1');
      assert.equal(reader.read(part), undefined);
      assert.equal(reader.end(), undefined);
    }),
  );
});

test('the connection carries another request unless the answer says otherwise, or more came in', () => {
  const last = Object.entries(WHOLE).flatMap(([name, text]) => (read(text).isLast ? [name] : []));
  assert.deepEqual(last, ['that says that it is the last', 'of the old version']);
  assert.equal(read(UNTIL_CLOSED).isLast, true);
  assert.equal(read(`${WHOLE['with a length']}HTTP`).isLast, true);
});

test('an answer to HEAD has the length of a body and no body', () => {
  const { answer, isLast } = read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD');
  assert.deepEqual([answer?.headers['content-length'], answer?.body.length], ['5', 0]);
  assert.equal(isLast, false);
});

for (const [what, text] of [
  ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
  ['another protocol, from its first byte', '\x15'],
  ['a page without headers', '<html>\r\n\r\n'],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
  ['a status that is none', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['lines that end with LF alone', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['a line that is no header', 'HTTP/1.1 200 OK\r\nhello\r\n\r\n'],
  ['a header over two lines', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
  ['a NUL in a header', 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
  [
    'a length and a coding',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n'],
  [
    'a chunk longer than its size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
  ],
  [
    'a control character between chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;\x1b\r\nx\r\n0\r\n\r\n',
  ],
  [
    'a trailer that is no header',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nhello\r\n\r\n',
  ],
  ['a header that is too long', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(17_000)}\r\n\r\n`],
  ['headers without an end', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(20_000)}`],
] as const) {
  test(`${what} is not HTTP, as Node finds`, async () => {
    assert.throws(() => read(text), NotHttp);
    await assert.rejects(readByNode(text));
  });
}

for (const [what, text] of [
  ['a change of the protocol', 'HTTP/1.1 101 Go\r\n\r\n'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['interim answers without an end', 'HTTP/1.1 102 Wait\r\n\r\n'.repeat(60_000)],
  [
    'trailers without an end',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(200_000)}`,
  ],
  [
    'a body in a million pieces',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(1_000_000)}`,
  ],
] as const) {
  test(`${what} is more than any of these services would say`, () => {
    assert.throws(() => read(text), NotHttp);
  });
}

test('an answer without an end is given up', () => {
  const reader = new AnswerReader('GET', () => undefined);
  reader.read(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'));
  const mebibyte = Buffer.alloc(1024 * 1024);
  assert.throws(() => {
    for (let count = 0; count < 20; count++) reader.read(mebibyte);
  }, NotHttp);
});
