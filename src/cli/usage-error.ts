import { UsageError } from '../core/errors.js';

/** A usage error with a single problem. */
export function usageError(message: string, hint: string): UsageError {
  return new UsageError([{ message, hint }]);
}
