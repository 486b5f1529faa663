import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { createPlanWorld, type PlanWorld } from '../helpers/plan-world.js';

let world: PlanWorld;
beforeEach(async () => {
  world = await createPlanWorld();
});
afterEach(() => world.remove());

test('patterns to exclude can come from standard input, where nothing else does', async () => {
  await world.write({ 'a.mp4': '1', 'b.mp4': '1' });
  const stdin = Readable.from([Buffer.from('b.*\n')]);
  assert.deepEqual(await world.lines(['*.mp4'], { excludeFrom: ['-'], stdin }), ['a.mp4']);
  for (const other of [{ filesFrom: '-' }, { excludeFrom: ['-', '-'] }]) {
    const [problem] = await world.problems(['*.mp4'], { excludeFrom: ['-'], ...other });
    assert.match(problem ?? '', /--exclude-from cannot both read standard input/);
  }
});

test('a directory as standard input is told, whatever list it is for', async () => {
  const descriptor = openSync(world.dir, 'r');
  try {
    const stdin = Object.assign(Readable.from([]), { fd: descriptor });
    for (const [flag, list] of [
      ['--files-from: ', { filesFrom: '-' }],
      ['--files-from0: ', { filesFrom0: '-' }],
      ['--jobs: ', { jobs: '-' }],
      ['', { excludeFrom: ['-'] }],
    ] as const) {
      assert.deepEqual(await world.problems([], { ...list, stdin }), [
        `${flag}cannot read standard input: it is a directory`,
      ]);
    }
  } finally {
    closeSync(descriptor);
  }
});
