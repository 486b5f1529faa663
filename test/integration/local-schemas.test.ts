import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createCloudShell, type CloudShell } from '../helpers/cloud.js';
import type { Ran } from '../helpers/run-cli.js';
import { schemaProblems, type Schema } from '../helpers/schema-problems.js';

const inManifestRoom = (name: string): string =>
  fileURLToPath(new URL(`../../src/manifest/${name}`, import.meta.url));

/** A schema as it ships. */
function shipped(name: 'manifest' | 'events'): Schema {
  return JSON.parse(readFileSync(inManifestRoom(`${name}.schema.json`), 'utf8')) as Schema;
}

describe('what a run with good and bad luck writes fits the schemas that ship', () => {
  let shell: CloudShell;
  let ran: Ran;

  before(async () => {
    assert.equal(spawnSync(process.execPath, [inManifestRoom('write-schemas.js')]).status, 0);
    shell = await createCloudShell([
      'ApplyUpload:RequestLimitExceeded*1',
      'UploadPart:503*1',
      'PutObject:reset*1',
      'CommitUpload:InternalError*1',
    ]);
    const files = { 'a.mp4': 2_500_000, 'a.jpg': 10, 'b.mp4': 10, 'gone.mp4.part': 5, 'x.png': 9 };
    for (const [name, size] of Object.entries(files)) await shell.write(`v/${name}`, size);
    await shell.write('list', 'v\nmissing.mp4\n');
    ran = await shell.run(['--files-from', 'list', '--json', '--part-size', '1M']);
  });
  after(() => shell.close());

  test('every line of --json is a documented event', () => {
    const schema = shipped('events');
    const types = new Set<string>();
    for (const text of ran.stdout.trimEnd().split('\n')) {
      const line = JSON.parse(text) as { readonly type: string };
      types.add(line.type);
      assert.deepEqual(schemaProblems(schema, line, schema), [], text);
    }
    assert.deepEqual([...types].sort(), [
      'job-progress',
      'job-retried',
      'job-settled',
      'job-started',
      'run-finished',
      'run-started',
    ]);
  });

  test('so is every line of a plan that is only printed', async () => {
    const schema = shipped('events');
    const { stdout } = await shell.run(['v', '--dry-run', '--json']);
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.length > 2);
    for (const text of lines)
      assert.deepEqual(schemaProblems(schema, JSON.parse(text), schema), []);
  });

  test('the manifest is a documented one, with a record an input', async () => {
    const schema = shipped('manifest');
    const manifest = await shell.manifest();
    assert.deepEqual(schemaProblems(schema, manifest, schema), []);
    assert.deepEqual(manifest.results.map(({ status }) => status).sort(), [
      'failed',
      'skipped',
      'skipped',
      'uploaded',
      'uploaded',
    ]);
  });

  test('a line of a JSON Lines manifest is a record of the schema', async () => {
    const schema = shipped('manifest');
    await shell.run(['v', '--manifest', 'm.jsonl']);
    const text = await readFile(shell.at('m.jsonl'), 'utf8');
    for (const line of text.trimEnd().split('\n')) {
      const { record } = schema['$defs'] as Readonly<Record<string, Schema>>;
      assert.deepEqual(schemaProblems(record ?? {}, JSON.parse(line), schema), []);
    }
  });
});
