import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAILURES, UploadFailure, type FailureCode } from '../../src/core/errors.js';
import { COS_FAILURES } from '../../src/cos/failures.js';
import { createVerdict } from '../../src/pipeline/verdict.js';
import { VOD_FAILURES } from '../../src/vod/failures.js';
import { failed, job, uploaded } from '../helpers/outcomes.js';

// Tests run from the build, one level below the root.
const read = (name: string): string =>
  readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');

/** The cells of the table whose first column has this title. */
function tableOf(text: string, title: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^\\| *${title} *\\|`).test(line));
  assert.ok(start >= 0, `no table of ${title}`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines
    .slice(start + 2, start + length)
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

function exitCodeOf(code: FailureCode): number {
  const verdict = createVerdict();
  const failure = new UploadFailure(code, '');
  if (code === 'commit-unknown') verdict.note({ status: 'unknown', path: 'a', failure });
  else verdict.note(failed('a', code));
  return verdict.exitCode(false);
}

function serviceCodesOf(wanted: FailureCode): string {
  const of = (service: string, codes: ReadonlyMap<string, FailureCode>): string[] => {
    const named = [...codes].flatMap(([name, code]) => (code === wanted ? [name] : []));
    return named.length === 0 ? [] : [`${service}: ${named.join(', ')}`];
  };
  return [...of('VOD', VOD_FAILURES), ...of('COS', COS_FAILURES)].join('; ');
}

test('the table of failures in src/README.md is the one that the program goes by', () => {
  const codes = Object.keys(FAILURES) as FailureCode[];
  const expected = codes.map((code) => {
    const { retry, halts } = FAILURES[code];
    return [code, serviceCodesOf(code), retry, halts];
  });
  const shown = tableOf(read('src/README.md'), 'failure');
  const asTable = expected.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  assert.deepEqual(shown, expected, `it should be:\n${asTable}`);
});

test('README.md tells of every failure code what it means for the exit code, and what to do', () => {
  const expected = (Object.keys(FAILURES) as FailureCode[]).map((code) => {
    return [code, String(exitCodeOf(code)), FAILURES[code].hint];
  });
  assert.deepEqual(tableOf(read('README.md'), 'error code'), expected);
});

test('README.md tells every exit code that a run may come to, with its meaning', () => {
  const rows = tableOf(read('README.md'), 'code').map(([code = '', meaning = '']) => [
    code,
    meaning,
  ]);
  const meanings = new Map(rows as [string, string][]);
  const held = {
    status: 'skipped',
    path: 'a',
    job: job('a'),
    reason: 'held-by-other-run',
  } as const;
  const unknown = new UploadFailure('commit-unknown', '');
  const runs = [
    [uploaded('a'), /uploaded/],
    [failed('a', 'source-invalid'), /failed for good/],
    [undefined, /nothing to do/],
    [failed('a', 'bad-credentials'), /refused/],
    [held, /another live run/],
    [failed('a', 'network'), /goes on where it stopped/],
    [{ status: 'unknown', path: 'a', failure: unknown } as const, /unknown/],
  ] as const;
  for (const [outcome, meaning] of runs) {
    const verdict = createVerdict();
    if (outcome !== undefined) verdict.note(outcome);
    assert.match(meanings.get(String(verdict.exitCode(false))) ?? 'no row', meaning);
  }
  assert.deepEqual(
    [...meanings.keys()],
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '130 / 143', '137'],
  );
});
