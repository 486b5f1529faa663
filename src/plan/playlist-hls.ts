import type { Reference } from './reference.js';

/** Tags whose URI is a playlist, whatever it is called. */
const PLAYLIST_TAGS: ReadonlySet<string> = new Set([
  'EXT-X-MEDIA',
  'EXT-X-I-FRAME-STREAM-INF',
  'EXT-X-IMAGE-STREAM-INF',
  'EXT-X-RENDITION-REPORT',
]);

/** Everything that an HLS playlist (RFC 8216) refers to. Throws RangeError on what is none. */
export function* readHls(text: string): Generator<Reference> {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n|\r/);
  if (lines[0]?.trim() !== '#EXTM3U') throw new RangeError('it does not begin with #EXTM3U');
  let nextIsPlaylist = false;
  for (const line of lines.map((untrimmed) => untrimmed.trim())) {
    if (line.startsWith('#')) {
      const [, tag = '', attributes = ''] = /^#(EXT-X-[A-Z0-9-]+):(.*)$/s.exec(line) ?? [];
      if (tag === 'EXT-X-STREAM-INF') nextIsPlaylist = true;
      yield* readTag(tag, attributes);
    } else if (line !== '') {
      yield { uri: line, isPlaylist: nextIsPlaylist || isPlaylistUri(line) };
      nextIsPlaylist = false;
    }
  }
}

function* readTag(tag: string, attributes: string): Generator<Reference> {
  const uri = /(?:^|,)\s*URI="([^"]*)"/.exec(attributes)?.[1] ?? '';
  // A key may be written into the playlist itself.
  if (uri === '' || /^data:/i.test(uri)) return;
  yield { uri, isPlaylist: PLAYLIST_TAGS.has(tag) || isPlaylistUri(uri) };
}

function isPlaylistUri(uri: string): boolean {
  return /\.m3u8?$/i.test(uri.replace(/[?#].*$/s, ''));
}
