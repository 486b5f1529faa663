import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';

/** The program with its packages in one file, and what V8 made of it at build time. */
const PROGRAM = fileURLToPath(new URL('../dist/bundle/cli/main.cjs', import.meta.url));
/** What shows help or a version takes little of the program, and needs no more of its code cache. */
const SHORT = new Set(['--help', '-h', '--version', '-V']);
const isShort =
  process.argv.length === 2 ||
  process.argv[2] === 'completion' ||
  process.argv.some((argument) => SHORT.has(argument));
export const CODE_CACHE = `${PROGRAM}.${isShort ? 'short.' : ''}cache`;

// Half as much garbage as there is in use, and V8 collects it: a run of a million files stays small.
v8.setFlagsFromString('--heap-growing-percent=50');

/** The compiled program. V8 takes from a code cache only what the very same version of it has made. */
export function compile() {
  const source = readFileSync(PROGRAM, 'latin1');
  return new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    {
      filename: PROGRAM,
      cachedData: readCodeCache(),
    },
  );
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
