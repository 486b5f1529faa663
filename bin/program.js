const { readdirSync, readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const vm = require('node:vm');

/** The program is in pieces, its packages included, and each is one function. This one reads the arguments. */
const MAIN = join(__dirname, '../dist/bundle/cli/main.cjs');

// It asks for the state of things, and of Node itself for a debugger, which would find the account's key.
process.on('SIGUSR1', () => undefined);
// Two more than are asked for files (src/plan/quick-fs), so that a dead disk does not take them all.
process.env.UV_THREADPOOL_SIZE ??= '6';

/** The pieces that are loaded: what V8 has of each, and what it exports. */
const pieces = new Map();
const requirePackage = createRequire(MAIN);
/** Help and mistakes in the arguments are told by then; what is loaded later is at work. */
let isMainLoaded = false;
let memory;
/** With these pieces a run begins, which loads others when it needs them. */
const RUNS = /\/(run-uploads|jobs)-[^/]*$/;
/** What it has not loaded yet, by file. */
const contents = new Map();

function start() {
  // What packages use of Node that it wants to be rid of is nothing to tell users.
  process.noDeprecation = true;
  load(MAIN);
  isMainLoaded = true;
}

function load(file) {
  const known = pieces.get(file);
  if (known) return known.module.exports;
  const script = isMainLoaded ? compileAtWork(file) : compile(file);
  const module = { exports: {} };
  pieces.set(file, { script, module });
  const directory = dirname(file);
  const requireFrom = (id) =>
    id.startsWith('./') ? load(join(directory, id)) : requirePackage(id);
  script.runInThisContext()(module.exports, requireFrom, module, file, directory);
  // What it exports changes no more, and values are read faster than the getters that it has.
  module.exports = Object.defineProperty({ ...module.exports }, '__esModule', { value: true });
  return module.exports;
}

/** V8 takes from a code cache only what the very same version of it has made. */
function compile(file) {
  return new vm.Script(take(file).toString('latin1'), {
    filename: file,
    cachedData: takeCodeCache(file),
  });
}

function compileAtWork(file) {
  if (memory === undefined) {
    memory = require('./memory.js');
    memory.boundMemory();
  }
  if (RUNS.test(file)) readAll(dirname(file));
  return memory.unbounded(() => compile(file));
}

/** An installation may be replaced during a run, and descriptors run out: nothing more is asked of it. */
function readAll(directory) {
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    if (!pieces.has(file.replace(/\.cache$/, ''))) contents.set(file, readFileSync(file));
  }
}

function take(file) {
  const content = contents.get(file) ?? readFileSync(file);
  contents.delete(file);
  return content;
}

function takeCodeCache(file) {
  try {
    return take(codeCacheOf(file));
  } catch {
    return undefined;
  }
}

function codeCacheOf(file) {
  return `${file}.cache`;
}

module.exports = { codeCacheOf, pieces, start };
