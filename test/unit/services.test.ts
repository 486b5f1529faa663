import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importable, runWithFewDescriptors } from '../helpers/few-descriptors.js';

test('too many open files ask for fewer connections, and are no trouble of the service', () => {
  const told = runWithFewDescriptors(`
    const { connectServices } = await import(${importable('src/cli/services')});
    const services = connectServices(
      { region: 'r', vodHost: 'a', scope: 'a', proxies: {}, cosEndpoint: new URL('http://127.0.0.1:9') },
      { current: async () => ({ secretId: 'id', secretKey: 'key' }) },
      { retries: 0, stallTimeout: 1000, apiRate: 1, verify: 'none' },
    );
    services.onTrouble((share) => console.log('fewer', share));
    const target = { bucket: 'b-1', region: 'ap-x', key: 'a' };
    const { signal } = new AbortController();
    const begin = () => outcome(() => services.cos.initiate(target, false, () => undefined, signal));
    console.log(await begin());
    takeAll();
    console.log(await begin());
    giveBack();
    console.log(services.pressure().troubles);`);
  assert.deepEqual(told, ['network', 'fewer 1', 'too-many-open-files', '0']);
});
