import type { IncomingHttpHeaders } from 'node:http';
import type { FailureFacts } from '../core/errors.js';

/** What Retry-After asks for (seconds or a date of the service's own clock); nothing where there is none. */
export function waitAskedFor(headers: IncomingHttpHeaders): Pick<FailureFacts, 'retryAfterMs'> {
  const { date = '', 'retry-after': asked = '' } = headers;
  if (/^\d+$/.test(asked)) return { retryAfterMs: Number(asked) * 1000 };
  // Date.parse takes `-5` and `1.5` for dates of the year 2001.
  const at = /[a-z]/i.test(asked) ? Date.parse(asked) : NaN;
  if (Number.isNaN(at)) return {};
  return { retryAfterMs: Math.max(0, at - (Date.parse(date) || Date.now())) };
}
