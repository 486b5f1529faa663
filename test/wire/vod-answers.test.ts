import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import type { FileId } from '../../src/core/ids.js';
import { foundMedia, toCommitted, toSession } from '../../src/vod/answers.js';

const NOW = new Date(1_700_000_000_000);
const FILE_ID = '5285890784273533167' as FileId;
const CERTIFICATE = {
  SecretId: 'AKID',
  SecretKey: 'key',
  Token: 't+/=',
  ExpiredTime: 1_700_007_200,
};
const GRANTED = {
  StorageBucket: 'vod-1250000000',
  StorageRegion: 'ap-chongqing',
  MediaStoragePath: '/dir/ü ä.mp4',
  CoverStoragePath: '/dir/cover.jpg',
  VodSessionKey: 'key==',
  TempCertificate: CERTIFICATE,
  RequestId: 'id',
};

function session(changes: object) {
  const answer = { ...GRANTED, ...changes } as typeof GRANTED;
  return toSession(answer, { mediaType: 'mp4', coverType: 'jpg', mediaName: 'a' }, NOW);
}

const isUnusable = (error: unknown) =>
  error instanceof UploadFailure && error.code === 'not-the-service' && error.facts.ambiguous;

test('a session is what was granted', () => {
  assert.deepEqual(session({}), {
    sessionKey: 'key==',
    bucket: 'vod-1250000000',
    region: 'ap-chongqing',
    mediaKey: 'dir/ü ä.mp4',
    coverKey: 'dir/cover.jpg',
    credentials: { secretId: 'AKID', secretKey: 'key', token: 't+/=' },
    expiresAt: new Date(1_700_007_200_000),
    requestId: 'id',
  });
});

for (const certificate of [null, { ...CERTIFICATE, SecretKey: '' }]) {
  test(`the account's own key signs where the certificate is ${JSON.stringify(certificate)}`, () => {
    assert.equal(session({ TempCertificate: certificate }).credentials, undefined);
  });
}

for (const [field, ...values] of [
  [
    'StorageBucket',
    7,
    '',
    'x',
    'vod-',
    '-1',
    'Vod-1',
    'a b-1',
    'a/b-1',
    'a.example#-1',
    `${'l'.repeat(62)}-1`,
  ],
  ['StorageRegion', null, ['ap-x'], 'AP-X', 'a\r\nX: y'],
  ['MediaStoragePath', 7, {}, '', '/', '//a.mp4', '/\ud800'],
  ['CoverStoragePath', 7, null],
  ['VodSessionKey', 7, true, ''],
] as const) {
  for (const value of values) {
    test(`a session whose ${field} is ${JSON.stringify(value)} is none`, () => {
      assert.throws(
        () => session({ [field]: value }),
        (error) => {
          assert.match((error as Error).message, new RegExp(`lacks a ${field} that`));
          return isUnusable(error);
        },
      );
    });
  }
}

for (const [field, ...values] of [
  ['SecretId', 7, 'a\nb'],
  ['SecretKey', 7, ['a']],
  ['Token', 7, 'a\r\nX: y', 'ü'],
  ['ExpiredTime', 'soon', { valueOf: 1, toString: 1 }, 1e300],
] as const) {
  for (const value of values) {
    test(`a certificate whose ${field} is ${JSON.stringify(value)} is none`, () => {
      const TempCertificate = { ...CERTIFICATE, [field]: value };
      assert.throws(() => session({ TempCertificate }), isUnusable);
    });
  }
}

test('no key or token is longer than can be looked for in answers', () => {
  const long = 'a+'.repeat(10_000);
  assert.throws(() => session({ VodSessionKey: long }), isUnusable);
  const TempCertificate = { ...CERTIFICATE, Token: long };
  assert.throws(() => session({ TempCertificate }), isUnusable);
});

test('a FileId is text', () => {
  for (const FileId of [[FILE_ID], { toString: 1 }, true, '5a']) {
    assert.throws(() => toCommitted({ FileId } as unknown as { FileId: string }), isUnusable);
  }
});

test('a media is committed whatever else is told of it', () => {
  const odd = { MediaUrl: 7, CoverUrl: ['a'], RequestId: {} };
  const told = { fileId: FILE_ID, mediaUrl: null, coverUrl: null, requestId: '' };
  assert.deepEqual(toCommitted({ FileId: FILE_ID, ...odd } as never), told);
  const MediaInfoSet = [null, 7, { FileId: FILE_ID, BasicInfo: odd }];
  assert.deepEqual(foundMedia({ MediaInfoSet } as never, FILE_ID), told);
});

test('a media that is not in the list does not exist, and of a list that is none nothing is known', () => {
  for (const MediaInfoSet of [undefined, null, [], [null], [{ FileId: '1' }]]) {
    assert.equal(foundMedia({ MediaInfoSet } as never, FILE_ID), undefined);
  }
  for (const MediaInfoSet of [7, 'x', {}]) {
    assert.throws(() => foundMedia({ MediaInfoSet } as never, FILE_ID), isUnusable);
  }
});
