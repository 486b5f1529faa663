import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { Outcome, PlanItem } from '../../src/core/model.js';
import type { Ports } from '../../src/core/ports.js';
import { toRecord, type ManifestRecord } from '../../src/manifest/record.js';
import { createPartSlots } from '../../src/pipeline/part-slots.js';
import { uploadAll } from '../../src/pipeline/upload-all.js';
import { withExtra } from '../../src/plan/decide.js';

test('what a job list says besides comes back in the record of an input that becomes no job', async () => {
  const extra = { note: 'keep', given: { name: 'x' } };
  const items: readonly PlanItem[] = [
    withExtra({ kind: 'skipped', path: 'a.mp4', size: 7, reason: 'duplicate' }, extra),
    withExtra(
      { kind: 'failed', path: 'b.mp4', failure: new UploadFailure('source-missing', 'gone') },
      extra,
    ),
  ];
  const records: ManifestRecord[] = [];
  const ports = { emit: () => undefined, partSize: 1 } as unknown as Ports;
  const never = new AbortController().signal;
  await uploadAll(
    (async function* () {
      yield* items;
    })(),
    ports,
    { record: async (outcome: Outcome) => void records.push(toRecord(outcome)) },
    { slots: createPartSlots(1), stop: never, abort: never, drainMs: 500 },
  );
  assert.deepEqual(
    records.map((record) => [record.path, record.status, record.size, 'kind' in record]),
    [
      ['a.mp4', 'skipped', 7, false],
      ['b.mp4', 'failed', null, false],
    ],
  );
  for (const record of records) {
    const { note, given } = record as ManifestRecord & typeof extra;
    assert.deepEqual({ note, given }, extra);
  }
});
