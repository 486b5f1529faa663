import assert from 'node:assert/strict';
import fs from 'node:fs';
import { platform } from 'node:os';
import { test } from 'node:test';
import { noticeFileSystem, quickFs } from '../../src/plan/quick-fs.js';

const skip = platform() === 'linux' ? false : 'needs /proc';

test(
  'a file system that is not known to be local is asked in another thread',
  { skip },
  async (t) => {
    const now = t.mock.method(fs, 'lstatSync');
    await quickFs.lstat('/proc/version');
    assert.equal(now.mock.callCount(), 1);
    await noticeFileSystem('/proc');
    await quickFs.lstat('/proc/version');
    assert.equal(now.mock.callCount(), 1);
  },
);
