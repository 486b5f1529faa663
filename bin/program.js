const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { PerformanceObserver } = require('node:perf_hooks');
const v8 = require('node:v8');
const vm = require('node:vm');

const HELP = new Set(['--help', '-h']);
const VERSION = new Set(['--version', '-V']);

/** Whether nothing but help, a version or completion can come of these arguments: a tenth of the program. */
function isBrief([first = '', second = '', ...others]) {
  if (first === 'completion') return true;
  if (second === '') return HELP.has(first) || VERSION.has(first);
  return others.length === 0 && !first.startsWith('-') && HELP.has(second);
}

/** The program with its packages in one file, as the one function that it is. */
const PROGRAM = join(
  __dirname,
  `../dist/bundle/cli/${isBrief(process.argv.slice(2)) ? 'brief' : 'main'}.cjs`,
);
/** What V8 made of it at build time. */
const CODE_CACHE = `${PROGRAM}.cache`;

// It asks for the state of things, and of Node itself for a debugger, which would find the account's key.
process.on('SIGUSR1', () => undefined);
// Two more than are asked for files (src/plan/quick-fs), so that a dead disk does not take them all.
process.env.UV_THREADPOOL_SIZE ??= '6';
// Half as much garbage as there is in use, and V8 collects it: a run of a million files stays small.
v8.setFlagsFromString('--heap-growing-percent=50');

/** Bytes for each half of the place where new objects begin: V8 would take twice as many, and no run is faster. */
const NEW_OBJECTS = 8 * 1024 * 1024;

/** V8 doubles that place while it grows. How large it may get is fixed at its start, whether it doubles is not. */
function boundNewObjects() {
  new PerformanceObserver(() => {
    const space = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    if (!space) return;
    const size = space.space_used_size + space.space_available_size;
    v8.setFlagsFromString(`--semi-space-growth-factor=${2 * size > NEW_OBJECTS ? 1 : 2}`);
  }).observe({ entryTypes: ['gc'] });
}

/** The compiled program. V8 takes from a code cache only what the very same version of it has made. */
function compile() {
  return new vm.Script(readFileSync(PROGRAM, 'latin1'), {
    filename: PROGRAM,
    cachedData: readCodeCache(),
  });
}

function run(script) {
  boundNewObjects();
  // What packages use of Node that it wants to be rid of is nothing to tell users.
  process.noDeprecation = true;
  const module = { exports: {} };
  script.runInThisContext()(
    module.exports,
    createRequire(PROGRAM),
    module,
    PROGRAM,
    dirname(PROGRAM),
  );
}

function readCodeCache() {
  try {
    return readFileSync(CODE_CACHE);
  } catch {
    return undefined;
  }
}

module.exports = { CODE_CACHE, compile, run };
