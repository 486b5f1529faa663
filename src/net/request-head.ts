import { TOKEN } from './answer.js';
import { UploadFailure } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { HttpRequest } from './request.js';

const OWN = /^(?:host|connection|accept-encoding)$/i;
const LENGTH = /^content-length$/i;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const WORD = /^[\x21-\x7e\x80-\xff]+$/;

/**
 * The request line and the headers, down to the empty line. Nothing on the way may compress the answer.
 * Throws UploadFailure where a part of it would break it.
 */
export function requestHead({ method, path, host, headers, body }: HttpRequest): string {
  assertFits(TOKEN, 'the method', method);
  assertFits(WORD, 'the path', path);
  assertFits(WORD, 'the host', host);
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\nAccept-Encoding: identity\r\n`;
  // Without it the other side of a PUT or POST would have to guess (RFC 9110, 8.6).
  let isLengthMissing = method === 'PUT' || method === 'POST';
  for (const name of Object.keys(headers)) {
    if (OWN.test(name)) continue;
    if (LENGTH.test(name)) isLengthMissing = false;
    const value = String(headers[name]);
    assertFits(TOKEN, 'the header', name, name);
    assertFits(VALUE, 'the header', value, name);
    head += `${name}: ${value}\r\n`;
  }
  const size = Buffer.isBuffer(body) ? body.length : (body?.size ?? 0);
  if (isLengthMissing) head += `Content-Length: ${size}\r\n`;
  return `${head}\r\n`;
}

function assertFits(form: RegExp, what: string, text: string, name = ''): void {
  if (form.test(text)) return;
  const shown = name === '' ? what : `${what} ${visible(name)}`;
  throw new UploadFailure('bad-request', `${shown} has characters that no request can carry`);
}
