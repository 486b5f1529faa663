import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { readSecret } from '../../src/cli/secret-input.js';

/** A terminal that records whether it echoes, or a pipe. */
function input(isTTY: boolean) {
  const modes: boolean[] = [];
  const stream = new PassThrough();
  return Object.assign(stream, {
    isTTY,
    modes,
    setRawMode(on: boolean) {
      modes.push(on);
      return stream;
    },
  });
}

async function ask(isTTY: boolean, typed: readonly string[]) {
  const stdin = input(isTTY);
  const stderr = new PassThrough();
  const answer = readSecret('secret-key: ', { stdin, stderr });
  for (const keys of typed) stdin.write(keys);
  if (!isTTY) stdin.end();
  return { answer: await answer, shown: String(stderr.read() ?? ''), modes: stdin.modes };
}

test('on a terminal a secret is asked for and not echoed', async () => {
  const { answer, shown, modes } = await ask(true, ['s3', 'cret', '\r']);
  assert.equal(answer, 's3cret');
  assert.equal(shown, 'secret-key: \n');
  assert.deepEqual(modes, [true, false]);
});

test('backspace and ^U correct what was typed', async () => {
  assert.equal((await ask(true, ['wrong\u0015s3x\u007fcret\r'])).answer, 's3cret');
});

test('^C gives up and gives the terminal back', async () => {
  const { answer, modes } = await ask(true, ['s3cret', '\u0003']);
  assert.equal(answer, undefined);
  assert.deepEqual(modes, [true, false]);
});

test('^D on an empty line is a blank answer', async () => {
  assert.equal((await ask(true, ['\u0004'])).answer, '');
});

for (const [name, piped, answer] of [
  ['one line', 's3cret\n', 's3cret'],
  ['a line that does not end', 's3cret', 's3cret'],
  ['the first of several lines', 's3cret\r\nother\n', 's3cret'],
  ['nothing', '', ''],
] as const) {
  test(`piped in, the secret is ${name}, and there is no prompt`, async () => {
    const outcome = await ask(false, [piped]);
    assert.equal(outcome.answer, answer);
    assert.equal(outcome.shown, '');
  });
}
