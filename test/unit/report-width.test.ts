import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cellWidth, column, fit } from '../../src/report/width.js';

const WIDTHS: readonly (readonly [string, string, number])[] = [
  ['ASCII', 'video.mp4', 9],
  ['Chinese', '第一集', 6],
  ['Japanese with half-width kana', 'ドｱ', 3],
  ['composed Hangul', '한글', 4],
  ['decomposed Hangul', '한글'.normalize('NFD'), 4],
  ['full-width Latin', 'ＡＢ', 4],
  ['a decomposed accent', 'e\u0301te\u0301', 3],
  ['a rare ideograph beyond the BMP', '𠮷', 2],
  ['an emoji', '🎬', 2],
  ['an emoji by variation selector', '❤\ufe0f', 2],
  ['a family joined of four', '👨‍👩‍👧‍👦', 2],
  ['a flag', '🇨🇳', 2],
  ['Cyrillic', 'фильм', 5],
];

describe('width', () => {
  for (const [what, text, width] of WIDTHS) {
    it(`counts ${what} as ${width} cells`, () => assert.equal(cellWidth(text), width));
  }

  it('cuts the middle out of a long name, since names differ at both ends', () => {
    assert.equal(fit('videos/season-1/episode-07.mp4', 15), 'videos/…-07.mp4');
  });

  it('never cuts through a wide character, and stays within the cells', () => {
    for (let cells = 0; cells < 20; cells++) {
      const text = fit('第一集第二集👨‍👩‍👧‍👦🎬e\u0301.mp4', cells);
      assert.ok(cellWidth(text) <= cells, `${cells}: ${text}`);
      assert.ok(!/\p{Cs}/u.test(text));
    }
  });

  it('fills a column to exactly its cells, whatever the text', () => {
    for (const text of ['', 'a', '第一集第二集第三集', '🎬🎬🎬🎬🎬🎬x']) {
      assert.equal(cellWidth(column(text, 10)), 10);
    }
  });
});
