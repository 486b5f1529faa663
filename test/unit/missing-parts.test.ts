import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ETag, UploadId } from '../../src/core/ids.js';
import type { JobObject, ObjectCheckpoint, Part, StoredPart } from '../../src/core/model.js';
import { MIB } from '../../src/core/parts.js';
import type { Source } from '../../src/core/ports.js';
import { createPartSlots } from '../../src/pipeline/part-slots.js';
import { sendMissing } from '../../src/pipeline/missing-parts.js';
import type { ObjectSending } from '../../src/pipeline/sending.js';
import { sourceFile } from '../helpers/outcomes.js';

const SIZE = 1000 * MIB;
const object: JobObject = { role: 'media', key: 'a.mp4', file: sourceFile('a.mp4', SIZE) };

const stored = ({ number, start, end }: Part): StoredPart => ({
  number,
  size: end - start,
  etag: `"${number}"` as ETag,
});

/** A bucket that takes every part at once, up to a number of them, and what the journal knows. */
function createBucket() {
  const held = new Map<number, Part>();
  let known: ObjectCheckpoint = { key: object.key, partSize: 8 * MIB };

  async function run(most: number): Promise<StoredPart[]> {
    let sent = 0;
    const cos = {
      async putPart(_target: unknown, _id: unknown, part: Part): Promise<StoredPart> {
        if (sent >= most) throw new Error('the process died');
        sent += 1;
        await new Promise((resolve) => setImmediate(resolve));
        assert.ok(!held.has(part.number), `part ${part.number} is sent again`);
        held.set(part.number, part);
        return stored(part);
      },
      async recognise(listed: { number: number; size: number }, part: Part): Promise<StoredPart> {
        assert.deepEqual([listed.number, listed.size], [part.number, part.end - part.start]);
        assert.deepEqual(held.get(part.number), part);
        return stored(part);
      },
    };
    const sending = {
      object,
      onRetry: () => undefined,
      progress: { remaining: () => SIZE, sent: () => undefined, resumed: () => undefined },
      checkpoint: {
        session: {},
        object: () => known,
        async update(_key: string, change: Partial<ObjectCheckpoint>) {
          known = { ...known, ...change };
        },
      },
      ports: { cos, slots: createPartSlots(3) },
    } as unknown as ObjectSending;
    const listed = [...held.values()].map(stored);
    const signal = new AbortController().signal;
    return sendMissing({} as Source, 'id' as UploadId, listed, sending, signal);
  }

  return { run, held, larger: () => known.larger };
}

test('a file that goes in larger parts from the middle on is sent once, whole', async () => {
  const bucket = createBucket();
  const parts = await bucket.run(Infinity);
  assert.ok(bucket.larger());
  assert.equal(parts.length, bucket.held.size);
  assert.equal(
    parts.reduce((sum, { size }) => sum + size, 0),
    SIZE,
  );
});

test('runs that die before, at and after that go on where the last one was', async () => {
  for (const deaths of [[3], [8], [9, 1, 1], [12, 10], [1, 1, 20]]) {
    const bucket = createBucket();
    for (const most of deaths) await assert.rejects(bucket.run(most), /died/);
    const parts = await bucket.run(Infinity);
    const numbers = parts.map(({ number }) => number);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
    let end = 0;
    for (const number of numbers) {
      const part = bucket.held.get(number) as Part;
      assert.equal(part.start, end);
      end = part.end;
    }
    assert.equal(end, SIZE);
  }
});
