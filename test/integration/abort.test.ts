import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UploadId } from '../../src/core/ids.js';
import type { ObjectTarget } from '../../src/core/ports.js';
import { targetOf } from '../../src/pipeline/sending.js';
import { createWorld, jobOf, MIB, type TestWorld } from '../helpers/world.js';

const never = new AbortController().signal;

/** An upload that was begun. */
async function begun(
  world: TestWorld,
): Promise<{ readonly target: ObjectTarget; readonly id: UploadId }> {
  const request = { mediaType: 'mp4', mediaName: 'film' };
  const session = await world.vod.applyUpload(request, () => undefined, never);
  const target = targetOf({ key: session.mediaKey }, session);
  return { target, id: await world.cos.initiate(target, false, () => undefined, never) };
}

for (const { name, isKnown, faults, code, open } of [
  {
    name: 'one that is gone',
    isKnown: true,
    faults: ['AbortMultipartUpload:NoSuchUpload'],
    open: 1,
  },
  {
    name: 'one whose id is known, where uploads may not be listed',
    isKnown: true,
    faults: ['ListMultipartUploads:AccessDenied'],
    open: 0,
  },
  {
    name: 'one whose id is unknown, where uploads may not be listed',
    isKnown: false,
    faults: ['ListMultipartUploads:AccessDenied'],
    code: 'permission-denied',
    open: 1,
  },
  {
    name: 'one whose id is unknown, where uploads cannot be listed for now',
    isKnown: false,
    faults: ['ListMultipartUploads:503'],
    code: 'service-unavailable',
    open: 1,
  },
  {
    name: 'one whose id is known, where others cannot be listed for now',
    isKnown: true,
    faults: ['ListMultipartUploads:503'],
    code: 'service-unavailable',
    open: 0,
  },
]) {
  test(`an upload is gone, or there is a reason why it may stay: ${name}`, async (t) => {
    const world = await createWorld({ retries: 0 });
    t.after(() => world.close());
    const { target, id } = await begun(world);
    world.sandbox.fail(...faults);
    const hindrance = await world.cos.abort(target, isKnown ? id : undefined, never);
    assert.equal(hindrance?.code, code);
    assert.equal(world.sandbox.openUploads().length, open);
  });
}

test('a warning says why an upload that is given up may stay stored', async (t) => {
  const faults = ['UploadPart#2:ExpiredToken', 'AbortMultipartUpload:AccessDenied'];
  const world = await createWorld({ faults });
  t.after(() => world.close());
  const job = await jobOf(await world.write('film.mp4', 2 * MIB));
  const [outcome] = await world.run([job]);
  assert.equal(outcome?.status, 'uploaded');
  assert.ok(
    world.warnings.some((text) =>
      /film\.mp4: .*could not be aborted and may stay stored: .*AccessDenied/.test(text),
    ),
    world.warnings.join('\n'),
  );
});

test('an upload of a file that changed meanwhile is on record until it can be aborted', async (t) => {
  const world = await createWorld({ retries: 0, faults: ['AbortMultipartUpload:503'] });
  t.after(() => world.close());
  const job = await jobOf(await world.write('film.mp4', 3 * MIB));
  const { initiate } = world.cos;
  world.cos.initiate = async (...call) => {
    const id = await initiate(...call);
    await world.write('film.mp4', 'other');
    return id;
  };
  for (const isKept of [true, false]) {
    const [outcome] = await world.run([job]);
    assert.ok(outcome?.status === 'failed');
    assert.equal(outcome.failure.code, 'source-changed');
    assert.equal(world.journal.checkpoints.has(job.id), isKept);
    assert.equal(world.sandbox.openUploads().length, isKept ? 1 : 0);
  }
  assert.match(world.warnings.join('\n'), /status 503; vod-upload jobs gc tries again$/);
});
