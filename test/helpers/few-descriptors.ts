import { execFileSync } from 'node:child_process';
import process from 'node:process';

const COMMAND = 'ulimit -n 64; exec "$0" --input-type=module -e "$1"';
const PRELUDE = `
  import { closeSync, openSync } from 'node:fs';
  const taken = [];
  const takeAll = () => {
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
  };
  const giveBack = (count = taken.length) => taken.splice(0, count).forEach((descriptor) => closeSync(descriptor));
  const outcome = (work) => work().then(() => 'done', ({ code }) => code);
`;

/**
 * What a script writes to stdout, by lines, in a process of its own that may open 64 files at most. It has
 * `takeAll` and `giveBack` for those that are left, and `outcome`, which resolves to a failure's code.
 */
export function runWithFewDescriptors(script: string): string[] {
  const args = ['-c', COMMAND, process.execPath, PRELUDE + script];
  return execFileSync('sh', args, { encoding: 'utf8' }).trimEnd().split('\n');
}

/** The place of a compiled module, as an import in a script names it. */
export function importable(module: string): string {
  return JSON.stringify(new URL(`../../${module}.js`, import.meta.url).href);
}
