import type { HttpAnswer } from './answer.js';

const TOKENS = new Set(['x-cos-security-token', 'x-tc-token']);
const SIGNATURE = /signature=([0-9a-f]+)$/i;

/** The answer without the token and signature of its request: what it says gets into failures. */
export function withoutSecrets(
  answer: HttpAnswer,
  requestHeaders: Readonly<Record<string, string | number>>,
): HttpAnswer {
  const secrets = Object.entries(requestHeaders).flatMap(([name, value]) => secretIn(name, value));
  const hide = (text: string): string =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  const { headers, body } = answer;
  const isRepeated = (where: string | Buffer): boolean =>
    secrets.some((secret) => where.includes(secret));
  if (!isRepeated(body) && !Object.values(headers).some(isRepeated)) return answer;
  const hidden = Object.entries(headers).map(([name, value]) => [name, hide(value)] as const);
  return {
    ...answer,
    headers: Object.fromEntries(hidden),
    body: Buffer.from(hide(body.toString('latin1')), 'latin1'),
  };
}

function secretIn(name: string, value: string | number): string[] {
  const lower = name.toLowerCase();
  const secret = lower === 'authorization' ? SIGNATURE.exec(String(value))?.[1] : String(value);
  const isSecret = lower === 'authorization' || TOKENS.has(lower);
  return isSecret && secret ? [secret] : [];
}
