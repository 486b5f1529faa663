/** Runs the program with these arguments, and keeps what V8 has compiled of it by its end. */
import { writeFileSync } from 'node:fs';
import { CODE_CACHE, compile, run } from '../bin/program.js';

const script = compile();
process.on('exit', () => writeFileSync(CODE_CACHE, script.createCachedData()));
run(script);
