import { visible } from '../core/text.js';
import type { HttpAnswer } from './answer.js';

/** So many characters of an answer are told; the rest would bury all else that is. */
const LONGEST = 1000;
const TOKENS = new Set(['x-cos-security-token', 'x-tc-token']);
const SIGNATURE = /signature=([0-9a-f]+)$/i;
/** What may stand for characters that are no letters or digits: escapes of JSON, XML and URLs, or any others. */
const ESCAPED = String.raw`(?:\\u[0-9a-f]{4}|&(?:amp;)*#?[0-9a-z]{1,8};|%(?:25)*[0-9a-f]{2}|[^0-9a-z])+`;

/** What nobody may be told: the token and signature in the headers, and what the caller named. */
function secretsOf({ headers, secrets = [] }: NonNullable<HttpAnswer['request']>): string[] {
  const inHeaders = Object.entries(headers).flatMap(([name, value]) => secretIn(name, value));
  return [...inHeaders, ...secrets];
}

function secretIn(name: string, value: string | number): string[] {
  const lower = name.toLowerCase();
  const secret = lower === 'authorization' ? SIGNATURE.exec(String(value))?.[1] : String(value);
  const isSecret = lower === 'authorization' || TOKENS.has(lower);
  return isSecret && secret ? [secret] : [];
}

/**
 * What an answer says, as a failure may quote it: visible, of bearable length, and without the secrets of
 * its request, however the service has escaped them.
 */
export function quoted(text: string, { request }: HttpAnswer): string {
  const told = request ? secretsOf(request).reduce(without, text) : text;
  return visible(told, LONGEST);
}

function without(text: string, secret: string): string {
  const words = secret.match(/[0-9a-z]+/gi);
  return words ? text.replace(new RegExp(words.join(ESCAPED), 'gi'), '***') : text;
}

/** What there is to say of an answer that nobody can read since something has compressed it; '' of any other. */
export function codingRemark(answer: HttpAnswer): string {
  const coding = answer.headers['content-encoding'] ?? '';
  if (/^(?:identity)?$/i.test(coding)) return '';
  return `: something in between has encoded it (${quoted(coding, answer)}), which was not asked for`;
}
