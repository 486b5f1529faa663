/** Extensions that VOD accepts as media (product documents, "types and sizes"), lower case. */
const MEDIA_TYPES: ReadonlySet<string> = new Set(
  [
    'wmv rm mov mpeg mp4 3gp flv avi rmvb ts asf mpg webm mkv m3u8 wm asx ram mpe vob dat mp4v m4v',
    'f4v mxf qt ogg mpd',
    'mp3 m4a flac wav ra aac amr',
  ]
    .join(' ')
    .split(' '),
);

/** Those of MEDIA_TYPES that HLS and DASH know as segments. */
const SEGMENT_TYPES: ReadonlySet<string> = new Set([
  'ts',
  'mp4',
  'm4v',
  'm4a',
  'aac',
  'mp3',
  'webm',
]);

/** Extensions that VOD accepts as covers; of two covers of one media the earlier type is taken. */
const IMAGE_TYPES = 'jpg jpeg png gif bmp tiff tif heif ai cdr eps'.split(' ');

const TEMPORARY_TYPES: ReadonlySet<string> = new Set(['part', 'tmp', 'crdownload', 'partial']);

/** Lower case, without the dot; empty where a name has none (`.hidden` has none). */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** The name without its last extension. */
export function stemOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(0, dot) : name;
}

export function isMediaType(extension: string): boolean {
  return MEDIA_TYPES.has(extension);
}

export function isImageType(extension: string): boolean {
  return IMAGE_TYPES.includes(extension);
}

/** Lower is preferred. */
export function imageTypeRank(extension: string): number {
  return IMAGE_TYPES.indexOf(extension);
}

/** Whether a playlist may refer to files of this type as its segments. */
export function isSegmentType(extension: string): boolean {
  return SEGMENT_TYPES.has(extension);
}

export function isPlaylistType(type: string): boolean {
  return type === 'm3u8' || type === 'mpd';
}

/** Names under which browsers and copying tools keep what is not finished. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_TYPES.has(extensionOf(name));
}
