import type { FailureFacts } from '../core/errors.js';
import type { HttpAnswer } from './answer.js';

/** What Retry-After asks for (seconds or a date of the service's own clock); nothing where there is none. */
export function waitAskedFor({ headers }: HttpAnswer): Pick<FailureFacts, 'retryAfterMs'> {
  const { date = '', 'retry-after': asked = '' } = headers;
  if (/^\d+$/.test(asked)) return { retryAfterMs: Number(asked) * 1000 };
  const at = Date.parse(asked);
  if (Number.isNaN(at)) return {};
  return { retryAfterMs: Math.max(0, at - (Date.parse(date) || Date.now())) };
}
