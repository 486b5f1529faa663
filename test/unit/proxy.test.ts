import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../../src/core/errors.js';
import { proxyFor } from '../../src/net/proxy.js';

const HOST = 'vod.tencentcloudapi.com';
const SERVICE = { host: HOST, port: 443 };

describe('the proxy in the environment', () => {
  test('an empty variable counts as unset', () => {
    const env = { https_proxy: '', HTTPS_PROXY: '', HTTP_PROXY: 'h:1' };
    assert.equal(proxyFor(SERVICE, env)?.host, 'h:1');
    assert.equal(proxyFor(SERVICE, { HTTPS_PROXY: '' }), undefined);
  });

  test('gives way to the flag, and NO_PROXY to neither', () => {
    const env = { '--proxy': 'http://flag:1', HTTPS_PROXY: 'http://variable:1' };
    assert.equal(proxyFor(SERVICE, env)?.host, 'flag:1');
    assert.equal(proxyFor(SERVICE, { ...env, NO_PROXY: HOST }), undefined);
  });

  for (const [entry, host, ...exempt] of [
    [HOST, HOST, 443, 8443],
    [`${HOST}:8443`, HOST, 8443],
    ['.tencentcloudapi.com:443', HOST, 443],
    ['*.TencentCloudAPI.com', HOST, 443, 8443],
    ['*', HOST, 443, 8443],
    ['fd00::1', 'fd00::1', 443, 8443],
    ['[fd00::1]:8443', 'fd00::1', 8443],
    ['d00::1', 'fd00::1'],
  ] as const) {
    test(`serves all but ports ${exempt.join(', ') || '(none)'} of ${host} where NO_PROXY is ${entry}`, () => {
      const env = { HTTPS_PROXY: 'http://h:1', NO_PROXY: `other,${entry}` };
      const direct = [443, 8443].filter((port) => proxyFor({ host, port }, env) === undefined);
      assert.deepEqual(direct, exempt);
    });
  }

  for (const bad of ['socks5://u:geheim@h:1', 'http://u:geheim@h:99999', 'http://']) {
    test(`${bad} is a usage error that names the variable and shows no password`, () => {
      assert.throws(
        () => proxyFor(SERVICE, { HTTPS_PROXY: bad }),
        (error: unknown) => {
          assert.ok(error instanceof UsageError);
          assert.match(error.message, /^HTTPS_PROXY /);
          return !JSON.stringify(error.problems).includes('geheim');
        },
      );
    });
  }

  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    test(`does not serve this machine: ${host}`, () => {
      assert.equal(proxyFor({ host, port: 80 }, { HTTPS_PROXY: 'http://variable:1' }), undefined);
    });
  }
});
