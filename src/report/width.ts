const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** East Asian Wide and Fullwidth (Unicode TR 11), in ranges as terminals know them. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u;
/** Marks, joiners, and the vowels and finals that complete a Hangul syllable. */
const ZERO = /[\p{M}\p{Cf}\u1160-\u11ff]/u;
const EMOJI = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f/u;
const ASCII = /^[\x20-\x7e]*$/;

/** How many cells of a terminal the text takes. */
export function cellWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  return graphemes(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function graphemeWidth(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2;
  return Array.from(grapheme).reduce((sum, char) => {
    if (ZERO.test(char)) return sum;
    return sum + (WIDE.test(char) ? 2 : 1);
  }, 0);
}

/** The text in at most `cells` cells: what is too long loses its middle, since names differ at both ends. */
export function fit(text: string, cells: number): string {
  if (cellWidth(text) <= cells) return text;
  if (cells < 1) return '';
  const all = graphemes(text);
  const head = take(all, Math.ceil((cells - 1) / 2));
  const tail = take(all.reverse(), cells - 1 - cellWidth(head.join('')));
  return `${head.join('')}…${tail.reverse().join('')}`;
}

function take(from: readonly string[], cells: number): string[] {
  const taken: string[] = [];
  let left = cells;
  for (const grapheme of from) {
    left -= graphemeWidth(grapheme);
    if (left < 0) break;
    taken.push(grapheme);
  }
  return taken;
}

/** The text in exactly `cells` cells. */
export function column(text: string, cells: number): string {
  const fitted = fit(text, cells);
  return fitted + ' '.repeat(Math.max(0, cells - cellWidth(fitted)));
}
