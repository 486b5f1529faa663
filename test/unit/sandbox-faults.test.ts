import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createFaultChooser, parseFaultRule } from '../../src/sandbox/faults.js';
import type { FaultRule } from '../../src/sandbox/faults.js';

const rules: [string, FaultRule][] = [
  [
    'UploadPart:503',
    { operation: 'UploadPart', action: { kind: 'status', status: 503 }, count: 1, probability: 1 },
  ],
  [
    'UploadPart#3:SlowDown*2',
    {
      operation: 'UploadPart',
      partNumber: 3,
      action: { kind: 'code', code: 'SlowDown' },
      count: 2,
      probability: 1,
    },
  ],
  [
    '*:reset*always',
    { operation: '*', action: { kind: 'reset' }, count: Infinity, probability: 1 },
  ],
  [
    'CommitUpload:delay=250@0.5',
    {
      operation: 'CommitUpload',
      action: { kind: 'delay', ms: 250 },
      count: Infinity,
      probability: 0.5,
    },
  ],
  [
    'ApplyUpload:AuthFailure.SignatureFailure*3@0.25',
    {
      operation: 'ApplyUpload',
      action: { kind: 'code', code: 'AuthFailure.SignatureFailure' },
      count: 3,
      probability: 0.25,
    },
  ],
  [
    'PutObject:skew=-1200000',
    { operation: 'PutObject', action: { kind: 'skew', ms: -1200000 }, count: 1, probability: 1 },
  ],
];
for (const [text, rule] of rules) {
  test(`the fault rule ${text} is read`, () => assert.deepEqual(parseFaultRule(text), rule));
}

const refused: [string, RegExp][] = [
  ['', /cannot be read; write <Operation>/],
  ['UploadPart', /cannot be read/],
  ['UploadPart:503*', /cannot be read/],
  ['UploadPart:503*0', /cannot be read/],
  ['UploadPart#0:503', /cannot be read/],
  ['PutObject#3:503', /PutObject has no part number; write UploadPart#<part>/],
  ['PutObject:delay=-5', /no action "delay=-5"/],
  ['PutObject:delay=3000000000', /its delay is too long; use 2147483647 at most/],
  ['UploadParts:503', /no operation "UploadParts"; use \* or one of ApplyUpload/],
  ['UploadPart:explode', /no action "explode"; use an HTTP status/],
  ['UploadPart:100', /100 is no final status/],
  ['UploadPart:503@0', /probability is not above 0/],
  ['UploadPart:503@1.5', /probability is not above 0 and up to 1/],
];
for (const [text, message] of refused) {
  test(`the fault rule "${text}" is refused with a remedy`, () => {
    assert.throws(() => parseFaultRule(text), message);
  });
}

function chosen(texts: readonly string[], asked: readonly [string, number?][], seed = 1) {
  const chooser = createFaultChooser(texts.map(parseFaultRule), seed);
  return asked.map(([operation, part]) => chooser.choose(operation, part)?.kind ?? '-').join(' ');
}

test('a rule applies once, and then the next that matches does', () => {
  const asked: [string, number?][] = [
    ['UploadPart', 1],
    ['ListParts'],
    ['UploadPart', 1],
    ['UploadPart', 2],
  ];
  assert.equal(chosen(['UploadPart:reset', '*:hang'], asked), 'reset hang - -');
});

test('a part number picks one part, a count that many requests', () => {
  const asked: [string, number?][] = [1, 2, 2, 2].map((part) => ['UploadPart', part]);
  assert.equal(chosen(['UploadPart#2:lost*2'], asked), '- lost lost -');
});

test('draws follow the seed and the probability', () => {
  const asked: [string][] = Array.from({ length: 2000 }, () => ['PutObject']);
  const first = chosen(['PutObject:reset@0.3'], asked, 7);
  assert.equal(chosen(['PutObject:reset@0.3'], asked, 7), first);
  assert.notEqual(chosen(['PutObject:reset@0.3'], asked, 8), first);
  const share = first.split('reset').length / asked.length;
  assert.ok(share > 0.25 && share < 0.35, `${share}`);
});

test('the rehearsed bad days are rules that can be read', () => {
  // Compiled tests lie one directory deeper than their sources.
  const url = new URL('../../../fixtures/faults/bad-days.json', import.meta.url);
  const days = JSON.parse(readFileSync(url, 'utf8')) as { rules: string[] }[];
  for (const { rules: texts } of days) for (const text of texts) parseFaultRule(text);
  assert.ok(days.length > 0);
});
