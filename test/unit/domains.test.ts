import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UploadFailure, type FailureCode, type FailureFacts } from '../../src/core/errors.js';
import { createDomains } from '../../src/cos/host.js';

describe('the domain of COS', () => {
  const failure = (code: FailureCode, facts?: FailureFacts) => new UploadFailure(code, '', facts);

  test('stays one that answers, whatever the answers complain of', () => {
    const domains = createDomains();
    for (let times = 0; times < 4; times++) {
      domains.failed('myqcloud.com', failure('network', { requestId: 'id' }));
    }
    assert.equal(domains.current, 'myqcloud.com');
  });

  test('is the other one after three answers that are missing one after the other', () => {
    const domains = createDomains();
    for (const [domain, next] of [
      ['myqcloud.com', 'tencentcos.cn'],
      ['tencentcos.cn', 'myqcloud.com'],
    ] as const) {
      for (const expected of [domain, domain, next]) {
        domains.failed(domain, failure('stalled'));
        assert.equal(domains.current, expected);
      }
    }
  });

  test('stays one whose connections fail now and then', () => {
    const domains = createDomains();
    for (let times = 0; times < 4; times++) {
      domains.failed('myqcloud.com', failure('network'));
      domains.answered('myqcloud.com');
    }
    assert.equal(domains.current, 'myqcloud.com');
  });

  for (const code of ['proxy-refused', 'tls-untrusted'] as const) {
    test(`is the first one for good where the backup is ${code}, which ends no run`, () => {
      const domains = createDomains();
      const strike = () => domains.failed('myqcloud.com', failure('network'));
      for (let times = 0; times < 3; times++) strike();
      assert.equal(domains.current, 'tencentcos.cn');
      for (let times = 0; times < 2; times++) {
        assert.equal(domains.failed('tencentcos.cn', failure(code)).code, 'network');
        assert.equal(domains.current, 'myqcloud.com');
      }
      for (let times = 0; times < 3; times++) strike();
      assert.equal(domains.current, 'myqcloud.com');
    });

    test(`ends the run where the first one is ${code}`, () => {
      const domains = createDomains();
      assert.equal(domains.failed('myqcloud.com', failure(code)).code, code);
    });
  }
});
