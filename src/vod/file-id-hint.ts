import type { FileId } from '../core/ids.js';

/**
 * The FileId that a storage path `…/<8 hex><FileId>/<name>` lets guess (protocol: VOD, 1.2).
 * Undocumented, so it serves only to ask the service whether that media exists.
 */
export function fileIdHint(mediaKey: string): FileId | undefined {
  const folder = mediaKey.split('/').at(-2);
  const match = /^[0-9a-f]{8}(\d{10,})$/.exec(folder ?? '');
  return match?.[1] as FileId | undefined;
}
