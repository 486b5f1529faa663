import type { HttpRequest } from './request.js';

/** A whole answer. Names of headers are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whether its request was sent by then, to the last byte. */
  readonly isSent?: boolean;
  /** What was asked, which holds what nobody may be told. */
  readonly request?: Pick<HttpRequest, 'headers' | 'secrets'>;
}

/** What came is not an answer of HTTP/1.1, or more than any answer of these services is. */
export class NotHttp extends Error {}

/** No answer of these services is larger. */
const MAX_BODY = 16 * 1024 * 1024;
/** Nor are the headers of one, or a line between the chunks of its body. */
const MAX_HEAD = 16 * 1024;
/** Of everything that is not body: interim answers, lines between chunks, trailers. */
const MAX_FRAMING = 1024 * 1024;
const HEAD_END = '\r\n\r\n';
const FIRST = 'HTTP/1.';
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/;
/** A method or the name of a header (RFC 9110, 5.6.2). */
export const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const NOT_TEXT = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;
const CHUNK_SIZE = /^0*([0-9a-f]{1,8})(?:;|$)/i;
/** Once, whatever says so again. */
const CHUNKED = /^chunked(?:[ \t]*,[ \t]*chunked)*$/i;
/** These may stand before a status line. */
const CR = 0x0d;
const LF = 0x0a;
/** These are lists, which may come in pieces. Of other headers that are repeated the first counts. */
const LISTS = new Set(['connection', 'transfer-encoding']);
export const NO_BYTES: Buffer = Buffer.alloc(0);

interface Head {
  readonly status: number;
  readonly minor: string;
  readonly headers: Record<string, string>;
}

/** What is to come next. */
type Expected = 'head' | 'bytes' | 'chunk-size' | 'chunk-end' | 'trailers' | 'close' | 'nothing';

/** Reads one answer as it comes in (RFC 9112), interim answers left out. */
export class AnswerReader {
  readonly #isBodiless: boolean;
  readonly #onBody: (bytes: Buffer) => void;
  #expected: Expected = 'head';
  /** Begins something that is not whole yet. */
  #unread = NO_BYTES;
  #head: Head | undefined;
  readonly #body: Buffer[] = [];
  #bodyLength = 0;
  /** Bytes of the body, or of its chunk, that are still to come. */
  #left = 0;
  #isChunked = false;
  #framing = 0;

  /** `onBody` hears of the bytes of the body. An answer to HEAD has none, whatever it says. */
  constructor(method: string, onBody: (bytes: Buffer) => void) {
    this.#isBodiless = method === 'HEAD';
    this.#onBody = onBody;
  }

  /** Whether its status and headers are there. */
  get isBegun(): boolean {
    return this.#head !== undefined;
  }

  /** Whether the connection can carry no other request after this answer. */
  get isLast(): boolean {
    const { minor = '1', headers = {} } = this.#head ?? {};
    const connection = (headers['connection'] ?? '').toLowerCase().split(/[ \t,]+/);
    const isKept = minor === '1' || connection.includes('keep-alive');
    const isWhole = this.#expected === 'nothing' && this.#unread.length === 0;
    return !isKept || !isWhole || connection.includes('close');
  }

  /** Reads on, and returns the answer once it is whole. Throws NotHttp. */
  read(bytes: Buffer): HttpAnswer | undefined {
    let unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    for (let length = -1; unread.length !== length && this.#expected !== 'nothing';) {
      length = unread.length;
      unread = this.#next(unread);
    }
    this.#unread = unread;
    return this.#expected === 'nothing' ? this.#answer() : undefined;
  }

  /** The connection has ended: returns the answer if that was the end of it. */
  end(): HttpAnswer | undefined {
    return this.#expected === 'close' ? this.#answer() : undefined;
  }

  #answer(): HttpAnswer | undefined {
    if (this.#head === undefined) return undefined;
    const { status, headers } = this.#head;
    const [first = NO_BYTES] = this.#body;
    return {
      status,
      headers,
      body: this.#body.length <= 1 ? first : Buffer.concat(this.#body),
    };
  }

  /** Reads what is expected next, if it is whole, and returns what is behind it. */
  #next(unread: Buffer): Buffer {
    switch (this.#expected) {
      case 'head':
        return this.#readHead(unread);
      case 'bytes':
        return this.#readBytes(unread);
      case 'close':
        this.#take(unread);
        return NO_BYTES;
      case 'chunk-size':
        return this.#readLine(unread, (line) => {
          const size = CHUNK_SIZE.exec(line)?.[1];
          if (size === undefined) throw new NotHttp('a chunk without a size');
          this.#left = parseInt(size, 16);
          this.#expected = this.#left === 0 ? 'trailers' : 'bytes';
        });
      case 'chunk-end':
        return this.#readLine(unread, (line) => {
          if (line !== '') throw new NotHttp('a chunk longer than its size');
          this.#expected = 'chunk-size';
        });
      case 'trailers':
        return this.#readLine(unread, (line) => {
          if (line === '') this.#expected = 'nothing';
          else parseHeader(line);
        });
      case 'nothing':
        return unread;
    }
  }

  #readHead(unread: Buffer): Buffer {
    if (unread[0] === CR || unread[0] === LF) return this.#skip(unread, 1);
    const end = unread.indexOf(HEAD_END);
    const text = unread.toString('latin1', 0, end < 0 ? unread.length : end);
    if (!text.startsWith(FIRST.slice(0, text.length))) throw new NotHttp('no status line');
    if (text.length > MAX_HEAD) throw new NotHttp('headers that are too long');
    if (end < 0) {
      if (text.includes('\n\n')) throw new NotHttp('lines that end with LF alone');
      return unread;
    }
    const head = parseHead(text);
    const rest = this.#skip(unread, end + HEAD_END.length);
    if (head.status === 101) throw new NotHttp('another protocol');
    if (head.status >= 200) this.#begin(head);
    return rest;
  }

  /** How the length of the body is known (RFC 9112, 6.3). */
  #begin(head: Head): void {
    this.#head = head;
    const { status, headers } = head;
    const length = headers['content-length'];
    const coding = headers['transfer-encoding'];
    if (coding !== undefined && length !== undefined) throw new NotHttp('a length and a coding');
    if (this.#isBodiless || status === 204 || status === 304) this.#expected = 'nothing';
    else if (coding !== undefined) {
      if (!CHUNKED.test(coding)) throw new NotHttp('an unknown coding');
      this.#isChunked = true;
      this.#expected = 'chunk-size';
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw new NotHttp('a length that is no number');
      this.#left = Number(length);
      this.#expected = this.#left === 0 ? 'nothing' : 'bytes';
    } else this.#expected = 'close';
  }

  #readBytes(unread: Buffer): Buffer {
    const bytes = unread.subarray(0, this.#left);
    this.#left -= bytes.length;
    if (this.#left === 0) this.#expected = this.#isChunked ? 'chunk-end' : 'nothing';
    this.#take(bytes);
    return unread.subarray(bytes.length);
  }

  #take(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#bodyLength += bytes.length;
    if (this.#bodyLength > MAX_BODY) throw new NotHttp('a body without an end');
    this.#body.push(bytes);
    this.#onBody(bytes);
  }

  #readLine(unread: Buffer, parse: (line: string) => void): Buffer {
    const end = unread.indexOf('\r\n');
    if (end < 0) {
      if (unread.length > MAX_HEAD) throw new NotHttp('a line without an end');
      return unread;
    }
    const line = unread.toString('latin1', 0, end);
    if (NOT_TEXT.test(line)) throw new NotHttp('a line that is no text');
    parse(line);
    return this.#skip(unread, end + 2);
  }

  #skip(unread: Buffer, length: number): Buffer {
    this.#framing += length;
    if (this.#framing > MAX_FRAMING) throw new NotHttp('an answer that does not get to its end');
    return unread.subarray(length);
  }
}

function parseHead(text: string): Head {
  if (NOT_TEXT.test(text)) throw new NotHttp('headers that are no text');
  const [first = '', ...lines] = text.split('\r\n');
  const [, minor, status] = STATUS_LINE.exec(first) ?? [];
  if (minor === undefined) throw new NotHttp('no status line');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [name, value] = parseHeader(line);
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (LISTS.has(name)) headers[name] = `${before}, ${value}`;
    else if (name === 'content-length') throw new NotHttp('two lengths');
  }
  return { status: Number(status), minor, headers };
}

function parseHeader(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon)).toLowerCase();
  if (!TOKEN.test(name)) throw new NotHttp('a header without a name');
  return [name, line.slice(colon + 1).trim()];
}
