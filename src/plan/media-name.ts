const MAX_NAME_LENGTH = 64;

let segmenter: Intl.Segmenter | undefined;

/**
 * A media name as the console and the players' tools accept it: NFC, no `\ / : * ? " < > |` and no
 * control characters, at most 64 code points and no grapheme cut in two; never empty.
 */
export function cleanName(raw: string): string {
  const accepted = raw.normalize('NFC').replace(/[\\/:*?"<>|]|\p{Cc}/gu, '_');
  const name = cutName(accepted);
  return name.trim() === '' ? '_' : name;
}

function cutName(name: string): string {
  if (name.length <= MAX_NAME_LENGTH) return name;
  const codePoints = [...name];
  if (codePoints.length <= MAX_NAME_LENGTH) return name;
  let cut = '';
  let length = 0;
  // It takes 20 ms to make, and most names are short.
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  for (const { segment } of segmenter.segment(name)) {
    length += [...segment].length;
    if (length > MAX_NAME_LENGTH) break;
    cut += segment;
  }
  return cut === '' ? codePoints.slice(0, MAX_NAME_LENGTH).join('') : cut;
}
