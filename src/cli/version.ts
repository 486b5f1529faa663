import { readFileSync } from 'node:fs';

/** Read at the start, which asks for it: later there may be too many files open. */
const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** The version in the package's own package.json. */
export function packageVersion(): string {
  return version;
}
