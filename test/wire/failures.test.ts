import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure, type FailureCode, type FailureFacts } from '../../src/core/errors.js';
import { assertCosAnswer } from '../../src/cos/failures.js';
import type { HttpAnswer } from '../../src/net/answer.js';
import { toCommitted } from '../../src/vod/answers.js';
import { readVodAnswer } from '../../src/vod/failures.js';

type Row = readonly [
  rule: string,
  answer: HttpAnswer,
  code: FailureCode | undefined,
  facts?: Partial<Record<keyof FailureFacts, unknown>>,
];

const DATE = 'Tue, 14 Nov 2023 22:13:20 GMT';

function answerOf(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): HttpAnswer {
  return { status, headers: { date: DATE, ...headers }, body: Buffer.from(body) };
}

function cos(status: number, body = '', headers: Readonly<Record<string, string>> = {}) {
  return answerOf(status, body, { 'x-cos-request-id': 'id', ...headers });
}

function refusal(code: string, message = 'no'): string {
  return `<?xml version='1.0' encoding='utf-8' ?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}

const COS_ROWS: readonly Row[] = [
  ['a good answer', cos(200), undefined],
  ['an expired token, as the table has it', cos(400, refusal('ExpiredToken')), 'session-expired'],
  [
    'an expired token, as older pages have it',
    cos(403, refusal('ExpiredToken')),
    'session-expired',
  ],
  [
    'an expired token behind AccessDenied',
    cos(403, refusal('AccessDenied', 'The provided token has expired.')),
    'session-expired',
  ],
  [
    'a signature that is over, behind AccessDenied',
    cos(403, refusal('AccessDenied', 'Request has expired')),
    'clock-skewed',
  ],
  [
    'a skew behind AccessDenied',
    cos(403, refusal('AccessDenied', 'RequestTimeTooSkewed')),
    'clock-skewed',
  ],
  [
    'a wrong key behind AccessDenied',
    cos(403, refusal('AccessDenied', 'InvalidAccessKeyId')),
    'bad-credentials',
  ],
  [
    'no permission, and nothing has happened',
    cos(403, refusal('AccessDenied', 'Access Denied.')),
    'permission-denied',
    { ambiguous: false },
  ],
  [
    'an error after which it may have happened',
    cos(500, refusal('InternalError')),
    'service-unavailable',
    { ambiguous: true },
  ],
  ['a refusal that gives no reason', cos(403), 'not-the-service'],
  ['a refusal whose reason is garbage', cos(404, '<html>'), 'not-the-service'],
  ...['RequestTimeout', 'UserNetworkTooSlow', 'IncompleteBody', 'EntitySizeNotMatch'].map(
    (code): Row => [`a body that did not arrive (${code})`, cos(400, refusal(code)), 'network'],
  ),
  ['an error of its own', cos(400, refusal('InvalidArgument')), 'bad-request'],
  ['an error named like a method', cos(400, refusal('constructor')), 'bad-request'],
  ['an error with a message like that', cos(400, refusal('New', 'toString')), 'bad-request'],
  ['an error under 200', cos(200, refusal('InternalError')), 'service-unavailable'],
  [
    'an error under 200, after the spaces of a long merge',
    cos(200, `\n  \n${refusal('InternalError')}`),
    'service-unavailable',
  ],
  [
    'half an error under 200',
    cos(200, '<Error><Code>Intern'),
    'not-the-service',
    { ambiguous: true },
  ],
  [
    'a gateway that asks for patience',
    answerOf(503, 'busy', { 'retry-after': '7' }),
    'service-unavailable',
    { retryAfterMs: 7000 },
  ],
  [
    'patience until a time of the server, whatever the clock here says',
    cos(503, refusal('SlowDown'), { 'retry-after': 'Tue, 14 Nov 2023 22:13:30 GMT' }),
    'throttled',
    { retryAfterMs: 10_000 },
  ],
  ...['-5', '1.5', 'soon', ''].map((asked): Row => [
    `patience that cannot be read (${asked})`,
    cos(503, refusal('SlowDown'), { 'retry-after': asked }),
    'throttled',
    { retryAfterMs: undefined },
  ]),
  ['too many requests, says a gateway', answerOf(429, '', {}), 'throttled'],
  ['success that names no request', answerOf(200, '', {}), 'not-the-service'],
  ['a redirect', answerOf(302, '', { location: '/' }), 'not-the-service'],
];

test('what COS refuses is not blamed on VOD', () => {
  const rows: readonly (readonly [HttpAnswer, RegExp])[] = [
    [cos(503, refusal('SlowDown')), /--part-concurrency.*--limit-rate/],
    [answerOf(429, '', {}), /--part-concurrency.*--limit-rate/],
    [cos(402, refusal('PaymentRequired')), /owes nothing/],
    [cos(451, refusal('UnavailableForLegalReasons')), /blocked/],
  ];
  for (const [answer, hint] of rows) {
    assert.throws(() => assertCosAnswer('PutObject', answer), { hint });
  }
});

function vod(response: unknown, status = 200, headers: Readonly<Record<string, string>> = {}) {
  return answerOf(status, JSON.stringify({ Response: response }), headers);
}

function vodError(code: unknown, status = 200): HttpAnswer {
  return vod({ Error: { Code: code, Message: 'no' }, RequestId: 'id' }, status);
}

const VOD_ROWS: readonly Row[] = [
  ['a good answer', vod({ RequestId: 'id' }), undefined],
  ['an error that is null', vod({ Error: null, RequestId: 'id' }), undefined],
  ['an error without a code', vodError(undefined), 'not-the-service'],
  ['a code that is no text', vodError(7), 'not-the-service'],
  ['a code under another status', vodError('AuthFailure.SecretIdNotFound', 401), 'bad-credentials'],
  ['an unforeseen code', vodError('InvalidParameterValue.New'), 'bad-request'],
  ['a code named like a method', vodError('constructor'), 'bad-request'],
  ['a code below a name like that', vodError('toString.x'), 'bad-request'],
  ['an unforeseen code under 503', vodError('Busy', 503), 'service-unavailable'],
  ['an unforeseen code under 429', vodError('Busy', 429), 'throttled'],
  ['a code below one that is foreseen', vodError('InternalError.Db'), 'service-unavailable'],
  ['an answer without a code under 500', vod({}, 500), 'service-unavailable'],
  ['a gateway', answerOf(502, '<html>', {}), 'service-unavailable', { ambiguous: true }],
  ['a page', answerOf(403, '<html>', {}), 'not-the-service'],
  ['half an answer', answerOf(200, '{"Response":', {}), 'not-the-service'],
  [
    'a gateway that asks for patience',
    answerOf(502, '', { 'retry-after': '3' }),
    'service-unavailable',
    { retryAfterMs: 3000, ambiguous: true },
  ],
];

function assertJudged(judge: () => void, [, , code, facts = {}]: Row): void {
  if (code === undefined) {
    judge();
    return;
  }
  assert.throws(judge, (error) => {
    assert.ok(error instanceof UploadFailure);
    assert.equal(error.code, code);
    for (const [name, value] of Object.entries(facts)) {
      assert.equal(error.facts[name as keyof FailureFacts], value, name);
    }
    return true;
  });
}

for (const row of COS_ROWS) {
  test(`COS: ${row[0]} is ${row[2] ?? 'good'}`, () =>
    assertJudged(() => assertCosAnswer('UploadPart', row[1]), row));
}
for (const row of VOD_ROWS) {
  test(`VOD: ${row[0]} is ${row[2] ?? 'good'}`, () =>
    assertJudged(() => void readVodAnswer('CommitUpload', row[1]), row));
}

test('an answer that cannot be read since something has encoded it is told as that', () => {
  const coding = { 'content-encoding': 'gzip' };
  const remark = /: something in between has encoded it \(gzip\), which was not asked for$/;
  assert.throws(() => readVodAnswer('ApplyUpload', answerOf(200, '\x1f', coding)), remark);
  assert.throws(() => assertCosAnswer('UploadPart', cos(403, '\x1f', coding)), remark);
  assert.throws(
    () => readVodAnswer('ApplyUpload', answerOf(200, '', { 'content-encoding': 'identity' })),
    /: HTTP 200 and no answer of the VOD API$/,
  );
});

test('a FileId is digits, and whatever else comes as one is none', () => {
  assert.equal(toCommitted({ FileId: '5285890784273533167' }).fileId, '5285890784273533167');
  for (const FileId of ['', 'null', '1\n2\tb.mp4', '1\u001b[2J']) {
    assertJudged(
      () => toCommitted({ FileId }),
      ['', answerOf(200, '', {}), 'not-the-service', { ambiguous: true }],
    );
  }
});

test('a FileId that comes as a number keeps all its digits', () => {
  const body = '{"Response":{"FileId": 5285890784273533167,"RequestId":"id"}}';
  assert.deepEqual(readVodAnswer('CommitUpload', answerOf(200, body, {})), {
    FileId: '5285890784273533167',
    RequestId: 'id',
  });
});
