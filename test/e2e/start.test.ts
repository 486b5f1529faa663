import assert from 'node:assert/strict';
import { test } from 'node:test';

/** What `bin/` runs; it is no part of what is compiled. */
interface Program {
  compile(): { readonly cachedDataRejected?: boolean };
}

test('the code cache of the build is one that this version of Node takes', async () => {
  const url = new URL('../../../bin/program.js', import.meta.url);
  const { compile } = (await import(url.href)) as Program;
  assert.equal(compile().cachedDataRejected, false);
});
