import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { UsageError } from '../../src/core/errors.js';
import { assertManifestWritable } from '../../src/manifest/target.js';
import { mountDeadDisk, noDeadDisk } from '../helpers/dead-disk.js';

let directory: string;
beforeEach(async () => {
  directory = await fs.mkdtemp(join(tmpdir(), 'manifest-'));
});
afterEach(async () => {
  await fs.rm(directory, { recursive: true });
});

describe('the plan refuses a manifest', () => {
  async function refusal(path: string): Promise<string> {
    const error: unknown = await assertManifestWritable(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.problems[0]?.hint ?? '', /--manifest/);
    return error.message;
  }

  it('in a directory that does not exist', async () => {
    const path = join(directory, 'no', 'm.json');
    assert.equal(
      await refusal(path),
      `the manifest cannot be written to ${path}: the directory ${join(directory, 'no')} does not exist`,
    );
  });

  it('that is a directory', async () => {
    assert.match(await refusal(directory), /: it is a directory$/);
  });

  it('below a file', async () => {
    await fs.writeFile(join(directory, 'file'), '');
    assert.match(await refusal(join(directory, 'file', 'm.json')), /file is not a directory$/);
  });

  it('behind a link to nowhere, or below a file', async () => {
    await fs.writeFile(join(directory, 'file'), '');
    for (const [name, reason] of [
      ['no', /: the directory \S+\/no does not exist$/],
      ['file', /: \S+\/file is not a directory$/],
    ] as const) {
      await fs.symlink(join(name, 'm.json'), join(directory, `${name}.json`));
      assert.match(await refusal(join(directory, `${name}.json`)), reason);
    }
  });

  it('on a disk that is dead', { skip: noDeadDisk, timeout: 20_000 }, async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const dead = join(directory, 'dead');
    await fs.mkdir(dead);
    const release = await mountDeadDisk(dead);
    const refused = refusal(join(dead, 'm.json'));
    t.mock.timers.tick(60_000);
    assert.match(await refused.finally(release), /: the disk has not answered for a minute$/);
  });

  const isSuperuser = process.getuid?.() === 0 && 'the superuser may write everywhere';
  it('in a directory that takes no writes', { skip: isSuperuser }, async () => {
    await fs.chmod(directory, 0o500);
    assert.match(await refusal(join(directory, 'm.json')), /may not write/);
  });

  it('in a file that is open for reading alone', async () => {
    const file = await fs.open(join(directory, 'm.json'), 'w+');
    const reader = await fs.open(join(directory, 'm.json'), 'r');
    await assertManifestWritable(`/dev/fd/${file.fd}`);
    assert.match(await refusal(`/dev/fd/${reader.fd}`), /: it is not open for writing$/);
    await file.close();
    await reader.close();
  });

  it('and takes one that is new, old, linked or a device', async () => {
    await fs.writeFile(join(directory, 'old.json'), '');
    await fs.symlink('new.json', join(directory, 'link.json'));
    for (const name of ['new.json', 'old.json', 'link.json']) {
      await assertManifestWritable(join(directory, name));
    }
    await assertManifestWritable('/dev/null');
    assert.deepEqual((await fs.readdir(directory)).sort(), ['link.json', 'old.json']);
  });
});
