import assert from 'node:assert/strict';
import { test } from 'node:test';

/** What `bin/` runs; it is no part of what is compiled. */
interface Program {
  compile(): { readonly cachedDataRejected?: boolean };
}

for (const args of [['a.mp4'], ['--help'], ['completion', 'bash']]) {
  test(`the code cache of the build for ${args.join(' ')} is one that this version of Node takes`, async () => {
    const before = process.argv;
    process.argv = [...before.slice(0, 2), ...args];
    try {
      const url = new URL(`../../../bin/program.js?${args[0]}`, import.meta.url);
      const { compile } = (await import(url.href)) as Program;
      assert.equal(compile().cachedDataRejected, false);
    } finally {
      process.argv = before;
    }
  });
}
