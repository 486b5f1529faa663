import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cos, Journal, Vod } from '../../src/core/ports.js';
import { createWorld, jobOf, MIB } from '../helpers/world.js';

/** What a slow disk takes to write down what was remembered. */
const DISK_MS = 50;

test('what the service is asked for rests on what is on record by then', async (t) => {
  const world = await createWorld();
  t.after(() => world.close());
  const job = await jobOf(await world.write('a.mp4', 3 * MIB));
  const { journal, ports } = world;
  const { cos, vod } = ports;
  const remember: Journal['remember'] = async (...call) => {
    await sleep(DISK_MS);
    await journal.remember(...call);
  };
  const known = () => journal.checkpoints.get(job.id);
  const media = () => known()?.objects[0];
  const initiate: Cos['initiate'] = (...call) => {
    assert.ok(known(), 'the session');
    return cos.initiate(...call);
  };
  const putPart: Cos['putPart'] = (...call) => {
    assert.ok(media()?.uploadId, 'the upload id');
    return cos.putPart(...call);
  };
  const complete: Cos['complete'] = (...call) => {
    assert.ok(media()?.completing, 'that it completes');
    return cos.complete(...call);
  };
  const commitUpload: Vod['commitUpload'] = (...call) => {
    assert.equal(known()?.phase, 'committing');
    return vod.commitUpload(...call);
  };
  Object.assign(ports, {
    journal: { ...journal, remember },
    cos: { ...cos, initiate, putPart, complete },
    vod: { ...vod, commitUpload },
  });
  const [outcome] = await world.run([job]);
  assert.equal(outcome?.status, 'uploaded');
});

test('an upload that is given up is on record until it is aborted', async (t) => {
  const world = await createWorld({ faults: ['UploadPart#2:ExpiredToken'] });
  t.after(() => world.close());
  const job = await jobOf(await world.write('a.mp4', 2 * MIB));
  const { cos } = world.ports;
  const recorded: boolean[] = [];
  const abort: Cos['abort'] = async (...call) => {
    const hindrance = await cos.abort(...call);
    const [media] = world.journal.checkpoints.get(job.id)?.objects ?? [];
    recorded.push(media?.uploadId === call[1]);
    return hindrance;
  };
  Object.assign(world.ports, { cos: { ...cos, abort } });
  const [outcome] = await world.run([job]);
  assert.equal(outcome?.status, 'uploaded');
  assert.deepEqual(recorded, [true]);
});
