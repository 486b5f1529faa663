import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import os, { cpus } from 'node:os';
import { mock, test } from 'node:test';
import { gauge } from '../../src/cli/gauges.js';

test('a machine is never busier than wholly, whatever ticks its clock counts in', async (t) => {
  let extraMs = 0;
  const real = cpus();
  mock.method(os, 'cpus', () =>
    real.map((cpu) => ({ ...cpu, times: { ...cpu.times, user: cpu.times.user + extraMs } })),
  );
  syncBuiltinESMExports();
  t.after(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });
  const { gauges } = gauge({ sourceOf: () => assert.fail() });
  extraMs = 60_000;
  assert.equal(gauges.machineBusy, 1);
});
