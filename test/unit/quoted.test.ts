import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadFailure } from '../../src/core/errors.js';
import { assertCosAnswer } from '../../src/cos/failures.js';
import { quoted } from '../../src/net/quoted.js';
import { readVodAnswer } from '../../src/vod/failures.js';

const TOKEN = 'AAbb/cc+dd"ee&SECRET==';
const REQUEST = {
  headers: {
    'Content-Length': 5,
    Authorization: 'q-ak=AKID&q-signature=0123abcd',
    'x-cos-security-token': TOKEN,
  },
  secrets: ['KEY'],
};

function answerOf(body: string) {
  const headers = { 'x-cos-request-id': `id-${TOKEN}` };
  return { status: 400, headers, body: Buffer.from(body), request: REQUEST };
}

test('the secrets of a request are not quoted from its answer, other words are', () => {
  const text = quoted(`AKID: ${TOKEN}, 0123abcd, KEY, Secret, ü\n`, answerOf(''));
  assert.equal(text, 'AKID: ***==, ***, ***, Secret, ü\\n');
});

test('of a long answer the beginning is told, and no beginning of a secret at its end', () => {
  const text = quoted('m'.repeat(5_000_000), answerOf(''));
  assert.equal(text, `${'m'.repeat(1000)}…`);
  const cut = quoted(`${'m'.repeat(990)}${TOKEN}${'m'.repeat(100)}`, answerOf(''));
  assert.doesNotMatch(cut, /AAbb/);
});

for (const [how, escaped] of [
  ['as it is', TOKEN],
  ['by JSON', JSON.stringify(TOKEN).replaceAll('/', '\\/')],
  ['by JSON with numbers', 'AAbb\\u002fcc\\u002Bdd\\u0022ee\\u0026SECRET\\u003d='],
  ['by JSON in JSON', JSON.stringify(JSON.stringify(TOKEN))],
  ['by XML', 'AAbb/cc+dd&quot;ee&amp;SECRET=='],
  ['by XML with numbers', 'AAbb&#47;cc&#43;dd&#x22;ee&#38;SECRET&#61;='],
  ['for a URL', encodeURIComponent(TOKEN)],
  ['over two lines', 'AAbb/cc+\ndd"ee&SECRET=='],
] as const) {
  test(`no failure tells a token that the service repeats ${how}`, () => {
    const said = escaped.replace(/^"|"$/g, '');
    const parsed = JSON.stringify({ Response: { Error: { Code: said, Message: said } } });
    const raw = `{"Response":{"Error":{"Code":"${said}","Message":"${said}"}}}`;
    const xml = `<Error><Code>${said}</Code><Message>no: ${said}</Message></Error>`;
    for (const fail of [
      () => void readVodAnswer('ApplyUpload', answerOf(parsed)),
      () => void readVodAnswer('ApplyUpload', answerOf(raw)),
      () => assertCosAnswer('UploadPart', answerOf(xml)),
    ]) {
      assert.throws(fail, (error) => {
        assert.ok(error instanceof UploadFailure);
        const { message, facts } = error;
        return !/SECRET|AAbb/.test(`${message} ${facts.serviceCode} ${facts.requestId}`);
      });
    }
  });
}
