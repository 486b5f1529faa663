import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Whether nohup(1) has started this. Node forgets at its start that SIGHUP was ignored; but bash and zsh
 * tell in `_` what they have begun, and on a terminal nobody else gives a command a stdin that can only be
 * written to.
 */
export function isUnderNohup(): boolean {
  if (basename(process.env['_'] ?? '') === 'nohup') return true;
  try {
    return /^flags:\s*\d*1$/m.test(readFileSync('/proc/self/fdinfo/0', 'latin1'));
  } catch {
    return false;
  }
}
