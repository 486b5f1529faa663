import { isAbsolute } from 'node:path';

/** A base directory of the XDG specification, which has relative paths ignored. */
export function baseDirectory(named: string | undefined, byDefault: string): string {
  return named !== undefined && isAbsolute(named) ? named : byDefault;
}
