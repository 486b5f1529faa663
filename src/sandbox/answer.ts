import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { FaultAction } from './faults.js';
import type { Answer, Exchange } from './exchange.js';

const SPACE_EVERY_MS = 1000;
const SLOW_BYTE_MS = 1000;
const DRIP_MS = 50;
const CRC64 = 'x-cos-hash-crc64ecma';

/** The headers every answer carries. */
function commonHeaders(exchange: Exchange): Record<string, string> {
  return { Date: new Date(exchange.now()).toUTCString(), Server: 'tencent-cos' };
}

/** Sends the answer whole and in order. */
export async function sendAnswer(res: ServerResponse, exchange: Exchange, answer: Answer) {
  exchange.record.status = answer.status;
  res.sendDate = false;
  const headers = { ...commonHeaders(exchange), ...answer.headers };
  if (answer.pending) {
    await sendPending(res, answer.status, headers, answer.pending);
  } else if (answer.file) {
    const { path, start, end } = answer.file;
    res.writeHead(answer.status, headers);
    if (end === start) res.end();
    else await pipeline(createReadStream(path, { start, end: end - 1 }), res);
  } else {
    const length = Buffer.byteLength(answer.body ?? '');
    const known = { 'Content-Length': String(length), ...headers };
    res.writeHead(answer.status, answer.status === 204 ? headers : known);
    res.end(exchange.target.method === 'HEAD' ? undefined : answer.body);
  }
}

/** The status at once, spaces while the body is being made, then the body. */
async function sendPending(
  res: ServerResponse,
  status: number,
  headers: Record<string, string>,
  pending: Promise<string>,
): Promise<void> {
  res.writeHead(status, headers);
  res.write(' ');
  const spaces = setInterval(() => res.write(' '), SPACE_EVERY_MS);
  try {
    res.end(await pending);
  } finally {
    clearInterval(spaces);
  }
}

/** What a fault makes of a good answer. */
export function spoilAnswer(answer: Answer, fault: FaultAction): Answer {
  switch (fault.kind) {
    case 'bad-etag':
      return changed(answer, { ETag: `"${'0'.repeat(32)}"` }, (body) =>
        body.replace(/(<ETag>(?:&quot;)?)[0-9a-f]{32}/g, `$1${'0'.repeat(32)}`),
      );
    case 'bad-crc':
      return changed(answer, { [CRC64]: '1' }, (body) => body);
    case 'no-crc':
      return without(answer, CRC64);
    case 'without':
      return without(answer, fault.name);
    default:
      return answer;
  }
}

/** Without a header, or a field of its JSON. */
function without(answer: Answer, dropped: string): Answer {
  const header = dropped.toLowerCase();
  const kept = Object.entries(answer.headers).filter(([name]) => name.toLowerCase() !== header);
  const { body } = answer;
  const isJson = answer.headers['Content-Type'] === 'application/json';
  const shorter = (text: string): string =>
    JSON.stringify(JSON.parse(text), (name, value: unknown) =>
      name === dropped ? undefined : value,
    );
  return {
    ...answer,
    headers: Object.fromEntries(kept),
    ...(body === undefined ? {} : { body: isJson ? shorter(body) : body }),
  };
}

/** With these headers in place of its own (where it has them) and its body rewritten. */
function changed(
  answer: Answer,
  replacements: Readonly<Record<string, string>>,
  rewrite: (body: string) => string,
): Answer {
  const headers: Record<string, string> = { ...answer.headers };
  for (const [name, value] of Object.entries(replacements))
    if (name in headers) headers[name] = value;
  return {
    ...answer,
    headers,
    ...(answer.body === undefined ? {} : { body: rewrite(answer.body) }),
    ...(answer.pending ? { pending: answer.pending.then(rewrite) } : {}),
  };
}

/** A 200 that breaks off before its body. */
export async function sendCut(res: ServerResponse, exchange: Exchange, answer: Answer) {
  await answer.pending;
  exchange.record.status = 200;
  res.writeHead(200, { ...commonHeaders(exchange), ...answer.headers });
  await new Promise((resolve) => res.write('  ', resolve));
  // Long enough for the spaces to leave, or a reset would overtake them.
  await pause(50);
  res.req.socket.resetAndDestroy();
}

/** The answer byte by byte, one a second, on the bare connection. */
export async function sendSlowly(socket: Socket, exchange: Exchange, answer: Answer) {
  const body = (await answer.pending) ?? answer.body ?? '';
  const headers = {
    ...commonHeaders(exchange),
    ...answer.headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${lines.join('')}\r\n${body}`;
  exchange.record.status = answer.status;
  for (const byte of Buffer.from(text)) {
    if (socket.destroyed) return;
    socket.write(Buffer.of(byte));
    await pause(SLOW_BYTE_MS, socket);
  }
  socket.end();
}

/** A refusal at once, while the body is still arriving, and a body of its own that never ends. */
export async function drip(res: ServerResponse): Promise<void> {
  res.writeHead(403, { 'Content-Type': 'application/xml' });
  while (!res.req.socket.destroyed) {
    res.write('<');
    await pause(DRIP_MS, res.req.socket);
  }
}

/** Waits, but no longer than the connection lives. */
export function pause(ms: number, socket?: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      socket?.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    socket?.on('close', done);
  });
}
