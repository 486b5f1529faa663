import { readFileSync } from 'node:fs';

/** What was published, or computed by the vendor's own tools. */
export function vectors<T>(name: string): T {
  // Compiled tests lie one directory deeper than their sources.
  const url = new URL(`../../../fixtures/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T;
}
