import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';

const HELP = new Set(['--help', '-h']);
const VERSION = new Set(['--version', '-V']);

/** Whether nothing but help, a version or completion can come of these arguments: a tenth of the program. */
function isBrief([first = '', second = '', ...others]) {
  if (first === 'completion') return true;
  if (second === '') return HELP.has(first) || VERSION.has(first);
  return others.length === 0 && !first.startsWith('-') && HELP.has(second);
}

/** The program with its packages in one file, as the one function that it is. */
const PROGRAM = fileURLToPath(
  new URL(
    `../dist/bundle/cli/${isBrief(process.argv.slice(2)) ? 'brief' : 'main'}.cjs`,
    import.meta.url,
  ),
);
/** What V8 made of it at build time. */
export const CODE_CACHE = `${PROGRAM}.cache`;

// Half as much garbage as there is in use, and V8 collects it: a run of a million files stays small.
v8.setFlagsFromString('--heap-growing-percent=50');

/** The compiled program. V8 takes from a code cache only what the very same version of it has made. */
export function compile() {
  return new vm.Script(readFileSync(PROGRAM, 'latin1'), {
    filename: PROGRAM,
    cachedData: readCodeCache(),
  });
}

export function run(script) {
  // What packages use of Node that it wants to be rid of is nothing to tell users.
  process.noDeprecation = true;
  const module = { exports: {} };
  const require = createRequire(PROGRAM);
  script.runInThisContext()(module.exports, require, module, PROGRAM, dirname(PROGRAM));
}

function readCodeCache() {
  try {
    return readFileSync(CODE_CACHE);
  } catch {
    return undefined;
  }
}
