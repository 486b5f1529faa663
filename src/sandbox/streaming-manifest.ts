import { ServiceError } from './exchange.js';

/** What ParseStreamingManifest finds in a playlist: the files it refers to, in order. */
export function parseStreamingManifest(content: string, type: string): string[] {
  const found = type === 'mpd' ? mpdReferences(content) : m3u8References(content);
  const stray = found.find((path) => !isBelow(path));
  if (stray !== undefined) throw refusal(`"${stray}" is not a relative path to a file below`);
  return found;
}

function refusal(reason: string): ServiceError {
  const text = `the playlist cannot be taken: ${reason}`;
  return new ServiceError('InvalidParameterValue.MediaManifestContent', text);
}

function isBelow(path: string): boolean {
  return (
    !/^[a-z][a-z\d+.-]*:/i.test(path) && !path.startsWith('/') && !path.split('/').includes('..')
  );
}

/** Every URI line, and the URI of tags that name a file of their own (key, map, rendition). */
function m3u8References(content: string): string[] {
  const lines = content.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines[0]?.trim() !== '#EXTM3U') throw refusal('it does not begin with #EXTM3U');
  const found: string[] = [];
  for (const line of lines.map((raw) => raw.trim())) {
    const uri = line.startsWith('#') ? /^#EXT-X-[^:]*:.*\bURI="([^"]*)"/.exec(line)?.[1] : line;
    if (uri && !found.includes(uri)) found.push(uri);
  }
  return found;
}

/** BaseURL, media and initialization attributes that name files outright; templates are not expanded. */
function mpdReferences(content: string): string[] {
  if (!/<MPD[\s>]/.test(content)) throw refusal('it holds no MPD element');
  const found = new Set<string>();
  for (const [, element, attribute] of content.matchAll(
    /<BaseURL[^>]*>([^<]+)<\/BaseURL>|\b(?:media|initialization|sourceURL)="([^"$]+)"/g,
  )) {
    const path = (element ?? attribute ?? '').trim();
    if (path !== '' && !path.endsWith('/')) found.add(path);
  }
  return [...found];
}
