import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageVersion } from '../../src/cli/version.js';
import { importable, runWithFewDescriptors } from '../helpers/few-descriptors.js';

test('the version is known also when no more files can be opened', () => {
  const told = runWithFewDescriptors(`
    const { packageVersion } = await import(${importable('src/cli/version')});
    takeAll();
    console.log(packageVersion());`);
  assert.deepEqual(told, [packageVersion()]);
});
