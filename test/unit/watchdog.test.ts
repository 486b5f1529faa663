import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flow } from '../../src/net/meter.js';
import { watch } from '../../src/net/watchdog.js';

test('a service may say for so long that it is at work, and is given up after that', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const flow = { unacknowledged: () => 0 } as Flow;
  let isStalled = false;
  const watching = watch({ stallTimeoutMs: 1000, spacesTimeoutMs: 5000, flow }, () => {
    isStalled = true;
    watching.stop();
  });
  watching.sent();
  let tookMs = 0;
  for (; !isStalled && tookMs < 60_000; tookMs += 10) {
    watching.moved();
    watching.working();
    t.mock.timers.tick(10);
  }
  assert.ok(tookMs >= 5000 && tookMs <= 6100, `${tookMs} ms`);
});
