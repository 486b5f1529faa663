import { UploadFailure } from '../core/errors.js';
import type { HttpRequest } from './request.js';

const OWN = /^(?:host|connection)$/i;
const LENGTH = /^content-length$/i;
const NOT_TEXT = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_PATH = /[^\x21-\x7e\x80-\xff]/;

/** The request line and the headers, down to the empty line. Throws UploadFailure where they would break it. */
export function requestHead({ method, path, host, headers, body }: HttpRequest): string {
  if (NOT_PATH.test(path)) throw notText('the path');
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n`;
  // Without it the other side of a PUT or POST would have to guess (RFC 9110, 8.6).
  let isLengthMissing = method === 'PUT' || method === 'POST';
  for (const name of Object.keys(headers)) {
    if (OWN.test(name)) continue;
    if (LENGTH.test(name)) isLengthMissing = false;
    const value = String(headers[name]);
    if (NOT_TEXT.test(value)) throw notText(name);
    head += `${name}: ${value}\r\n`;
  }
  const size = Buffer.isBuffer(body) ? body.length : (body?.size ?? 0);
  if (isLengthMissing) head += `Content-Length: ${size}\r\n`;
  return `${head}\r\n`;
}

function notText(name: string): UploadFailure {
  return new UploadFailure('bad-request', `${name} has characters that no request can carry`);
}
