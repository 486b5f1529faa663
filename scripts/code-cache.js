/** Runs the program with these arguments, and keeps what V8 has compiled of its pieces by the end. */
import { writeFileSync } from 'node:fs';
import { unbounded } from '../bin/memory.js';
import { codeCacheOf, pieces, start } from '../bin/program.js';

process.on('exit', () => {
  for (const [file, { script }] of pieces) {
    writeFileSync(codeCacheOf(file), unbounded(() => script.createCachedData()));
  }
});
start();
