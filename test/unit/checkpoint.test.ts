import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UploadId } from '../../src/core/ids.js';
import type { Checkpoint, ObjectCheckpoint } from '../../src/core/model.js';
import type { Journal } from '../../src/core/ports.js';
import { keepCheckpoint, type LiveCheckpoint } from '../../src/pipeline/checkpoint.js';
import { createMemoryJournal } from '../helpers/memory-journal.js';
import { job } from '../helpers/outcomes.js';
import { checkpointFor } from '../integration/journal-world.js';

const playlist = job('list.m3u8');
const keyOf = (number: number): string => `dir/${number}.ts`;

interface Written {
  readonly live: LiveCheckpoint;
  readonly journal: Journal & { readonly checkpoints: Map<string, Checkpoint> };
  /** The objects of each write. */
  readonly writes: (readonly ObjectCheckpoint[])[];
}

function keep(count: number): Written {
  const memory = createMemoryJournal();
  const writes: (readonly ObjectCheckpoint[])[] = [];
  const journal = {
    ...memory,
    async remember(...[id, checkpoint, changed]: Parameters<Journal['remember']>) {
      await memory.remember(id, checkpoint);
      writes.push(changed ?? checkpoint.objects);
    },
  };
  const objects = Array.from({ length: count }, (_, at) => ({ key: keyOf(at), partSize: 1000 }));
  const live = keepCheckpoint(playlist, { ...checkpointFor(1, 'sending'), objects }, journal);
  return { live, journal, writes };
}

test('what is stored of many segments is written together, and of each only once', async () => {
  const { live, journal, writes } = keep(2000);
  for (let number = 0; number < 1999; number += 1) {
    live.keep(keyOf(number), { stored: { crc64: String(number) } });
    if (number % 100 === 0) await Promise.resolve();
  }
  await live.written();
  assert.ok(writes.length <= 2, `${writes.length} writes`);
  assert.equal(writes.flat().length, 1999);
  assert.deepEqual(journal.checkpoints.get(playlist.id), live.current);
});

test('what is stored is written down without anything that follows it', async () => {
  const { live, journal } = keep(2);
  live.keep(keyOf(0), { stored: {} });
  const deadline = performance.now() + 5000;
  while (!journal.checkpoints.has(playlist.id) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(journal.checkpoints.get(playlist.id)?.objects[0]?.stored, {});
});

test('what is stored last is written down with the commit that follows it, or by itself', async () => {
  const committed = keep(1);
  committed.live.keep(keyOf(0), { stored: {} });
  await committed.live.enter('committing');
  await committed.live.written();
  assert.equal(committed.writes.length, 1);
  const failed = keep(1);
  failed.live.keep(keyOf(0), { stored: {} });
  await failed.live.written();
  assert.deepEqual(failed.journal.checkpoints.get(playlist.id)?.objects[0]?.stored, {});
});

test('an upload id and a phase are on record when they may be depended on, with all before them', async () => {
  const { live, journal, writes } = keep(3);
  const remembered = (): Checkpoint | undefined => journal.checkpoints.get(playlist.id);
  live.keep(keyOf(0), { stored: {} });
  await live.update(keyOf(1), { uploadId: 'u' as UploadId });
  assert.deepEqual(
    remembered()?.objects.map(({ stored, uploadId }) => stored ?? uploadId),
    [{}, 'u', undefined],
  );
  live.keep(keyOf(2), { stored: {} });
  await live.update(keyOf(1), { completing: true });
  assert.equal(remembered()?.phase, 'assembled');
  await live.enter('committing');
  assert.equal(remembered()?.phase, 'committing');
  await live.written();
  assert.deepEqual(
    writes.map((objects) => objects.length),
    [2, 2, 0],
  );
});
