import type { IncomingMessage } from 'node:http';

/** What arrived, kept for tests and for people; filled in while the request is served. */
export interface RequestRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly operation: string;
  readonly host: string;
  readonly key?: string;
  readonly partNumber?: number;
  /** The fault that applied, as its rule names it. */
  fault?: string;
  bytesReceived: number;
  /** 0 while no answer was given. */
  status: number;
  code?: string;
  /** The parsed parameters of a VOD or client API call. */
  params?: Readonly<Record<string, unknown>>;
}

/** A request target and Host, taken apart by hand: URL() would normalise what was signed. */
export interface Target {
  readonly method: string;
  readonly host: string;
  /** Still percent-encoded. */
  readonly path: string;
  readonly rawQuery: string;
}

export interface Exchange {
  readonly target: Target;
  readonly req: IncomingMessage;
  readonly record: RequestRecord;
  /** The clock of the server as this request sees it, in milliseconds. */
  readonly now: () => number;
  /** How many bytes of the body to take before the connection is reset. */
  readonly resetAfter?: number;
  /** The body, where it is read into memory: as much of it as shows that it is too large. */
  body?: Promise<Buffer>;
}

/** An answer as data, so that a fault can spoil it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A body that is still being made; the status goes out at once and spaces meanwhile. */
  readonly pending?: Promise<string>;
  /** A body that is a file's bytes [start, end). */
  readonly file?: { readonly path: string; readonly start: number; readonly end: number };
}

/** One of the services behind the port. */
export interface Service {
  perform(exchange: Exchange): Promise<Answer>;
  /** The service's own way to say no; without a status, the code's usual one. */
  refuse(exchange: Exchange, code: string, message: string, status?: number): Answer;
  /** A refusal by bare HTTP status. */
  refuseStatus(exchange: Exchange, status: number): Answer;
  /** Success on the outside, nonsense within. */
  garbage(exchange: Exchange): Answer;
}

/** A refusal as gateways give it. */
export function statusPage(status: number): Answer {
  const body = `<html><body><h1>${status}</h1></body></html>`;
  return { status, headers: { 'Content-Type': 'text/html' }, body };
}

/** A refusal with one of the service's own codes. */
export class ServiceError extends Error {
  readonly code: string;
  /** Set when the rest of the body is not coming. */
  readonly unfinished: boolean;

  constructor(code: string, message: string, unfinished = false) {
    super(message);
    this.code = code;
    this.unfinished = unfinished;
  }
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/is;

export function parseTarget(req: IncomingMessage): Target {
  const raw = req.url ?? '/';
  const absolute = ABSOLUTE.exec(raw);
  const rest = absolute ? (absolute[2] ?? '') : raw;
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  return {
    method: req.method ?? 'GET',
    host: absolute?.[1] ?? req.headers.host ?? '',
    path: path === '' ? '/' : path,
    rawQuery: mark < 0 ? '' : rest.slice(mark + 1),
  };
}

/** The host in lower case, without its port. */
export function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '');
}

/** Parameters by their name as sent; a flag has the value ''. Undefined when badly encoded. */
export function parseQuery(rawQuery: string): Map<string, string> | undefined {
  const query = new Map<string, string>();
  for (const pair of rawQuery.split('&')) {
    if (pair === '') continue;
    const mark = pair.indexOf('=');
    const name = decodePercent(mark < 0 ? pair : pair.slice(0, mark));
    const value = decodePercent(mark < 0 ? '' : pair.slice(mark + 1));
    if (name === undefined || value === undefined) return undefined;
    query.set(name, value);
  }
  return query;
}

export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
