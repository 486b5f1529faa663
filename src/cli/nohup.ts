import { readFileSync } from 'node:fs';

/**
 * Whether nohup(1) has started this from a terminal. Node forgets at its start that SIGHUP was ignored,
 * but nobody else gives a command a stdin that can only be written to.
 */
export function isUnderNohup(): boolean {
  try {
    return /^flags:\s*\d*1$/m.test(readFileSync('/proc/self/fdinfo/0', 'latin1'));
  } catch {
    return false;
  }
}
