import path from 'node:path';
import { UploadFailure } from '../core/errors.js';
import type { Segment, SourceFile } from '../core/model.js';
import { visible, withoutSecrets } from '../core/text.js';
import { assertAnswering, explain, inspect } from './inspect.js';
import type { Inspection, RealDirectory } from './inspect.js';
import { mapAhead } from './map-ahead.js';
import { extensionOf, isPlaylistType, isSegmentType } from './media-types.js';
import { createPathSet } from './path-set.js';
import { readDash } from './playlist-dash.js';
import { readHls } from './playlist-hls.js';
import { threadFs } from './quick-fs.js';
import { assertBearable, TooManyReferences, type Reference } from './reference.js';

/** A playlist and all that it needs, playlists within playlists included. */
interface PlaylistFiles {
  /** Relative to the outermost playlist's directory, decoded, each once, in the order of reference. */
  readonly keys: ReadonlySet<string>;
  readonly playlistKeys: ReadonlySet<string>;
  /** The first few that keep the playlist from being uploaded; `keys` is as complete as it could be. */
  readonly problems: readonly UploadFailure[];
  /** Why a directory's playlist could not be read, by the directory's absolute path. */
  readonly unread: ReadonlyMap<string, UploadFailure>;
}

/** What playlists carry along: such files are no media of their own. */
export interface Claims {
  /** Whether a playlist refers to this file; to one in this directory, where it ends with a slash. */
  has(absolute: string): boolean;
  /** Why nobody knows whether a playlist refers to this file; undefined where that is known. */
  doubt(shown: string, absolute: string): UploadFailure | undefined;
}

const MAX_PLAYLIST_SIZE = 64 * 1024 * 1024;
const SEGMENTS_AHEAD = 16;
/** What is wrong with one playlist may be wrong with each of its references. */
const MAX_PROBLEMS = 5;

/** Why a playlist may not go as this type: the files that it refers to would stay behind. */
export function lostAs(shown: string, type: string | undefined): UploadFailure | undefined {
  const extension = extensionOf(path.basename(shown));
  if (type === undefined || isPlaylistType(type) || !isPlaylistType(extension)) return undefined;
  const message = `cannot upload ${visible(shown)} as ${visible(type)}: a playlist goes as what it is, with its files`;
  const hint = 'Name no type for playlists (--media-type, mediaType), or rename what is none.';
  return new UploadFailure('source-invalid', message, { hint });
}

async function readPlaylist(
  shown: string,
  absolute: string,
  type: string,
  realDirectory: RealDirectory,
): Promise<PlaylistFiles> {
  const keys = new Set<string>();
  const playlistKeys = new Set<string>();
  const unread = new Map<string, UploadFailure>();
  const problems: UploadFailure[] = [];
  let references = 0;
  const own = path.basename(absolute);
  const directory = path.dirname(absolute);
  const waiting = [{ key: own, type }];
  const begun = new Set([own]);

  /** Puts one reference of the playlist at `from` where it belongs. */
  function take(reference: Reference, from: string, inPlaylist: string): void {
    references += 1;
    assertBearable(references);
    const resolved = resolveReference(reference.uri, path.dirname(from));
    if ('refused' in resolved) {
      if (problems.length < MAX_PROBLEMS) {
        problems.push(refusal(inPlaylist, reference.uri, resolved.refused));
      }
      return;
    }
    const { key } = resolved;
    if (key !== own) keys.add(key);
    if (!reference.isPlaylist || begun.has(key)) return;
    begun.add(key);
    playlistKeys.add(key);
    waiting.push({ key, type: 'm3u8' });
  }

  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { key } = next;
    const inPlaylist = path.join(path.dirname(shown), key);
    try {
      await assertAnswering(realDirectory(path.dirname(path.join(directory, key))));
      const text = await readText(path.join(directory, key));
      const found = next.type === 'mpd' ? readDash(text) : readHls(text);
      for (const reference of found) take(reference, key, inPlaylist);
    } catch (error) {
      const failure =
        error instanceof RangeError
          ? invalid(`cannot use the playlist ${visible(inPlaylist)}: ${visible(error.message)}`)
          : explain(error, inPlaylist);
      if (problems.length < MAX_PROBLEMS) problems.push(failure);
      const isEndless = error instanceof TooManyReferences;
      if (isEndless || failure.rule.retryable || failure.code === 'source-unreadable') {
        unread.set(path.dirname(path.join(directory, key)), failure);
      }
      if (isEndless) break;
    }
  }
  return { keys, playlistKeys, problems, unread };
}

async function readText(absolute: string): Promise<string> {
  const stats = await threadFs.stat(absolute);
  if (!stats.isFile()) throw new RangeError('it is not a regular file');
  if (stats.size > MAX_PLAYLIST_SIZE) throw new RangeError('it is too large for a playlist');
  return threadFs.readText(absolute);
}

/** Where a reference leads, below the outermost playlist's directory; or why it may not be followed. */
export function resolveReference(
  uri: string,
  fromDirectory: string,
): { readonly key: string } | { readonly refused: string } {
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(uri)) return { refused: 'it is a URL' };
  if (uri.startsWith('/')) return { refused: 'it is an absolute path' };
  const decoded = decodeUri(uri.replace(/[?#].*$/s, ''));
  if (decoded.split('/').includes('..')) return { refused: 'it contains ../' };
  if (/[\0-\x1f\\]/.test(decoded) || decoded === '') return { refused: 'it is not a file name' };
  return { key: path.join(fromDirectory, decoded) };
}

function decodeUri(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    // A lone percent sign: the name is meant as it stands.
    return uri;
  }
}

/** The files that go with a playlist. Throws UploadFailure where they cannot all be uploaded. */
export async function findSegments(
  playlist: SourceFile,
  absolute: string,
  type: string,
  realDirectory: RealDirectory,
): Promise<{ readonly segments: Segment[]; readonly changedAtMs: number }> {
  const { keys, problems } = await readPlaylist(playlist.path, absolute, type, realDirectory);
  assertNone(problems);
  const unusable: UploadFailure[] = [];
  const segments: Segment[] = [];
  let changedAtMs = 0;
  const inspected = mapAhead(keys, SEGMENTS_AHEAD, async (key) => ({
    key,
    found: await inspect(
      path.join(path.dirname(playlist.path), key),
      path.join(path.dirname(absolute), key),
      realDirectory,
    ),
  }));
  for await (const { key, found } of inspected) {
    if (found.kind === 'file' && found.file.size > 0) {
      changedAtMs = Math.max(changedAtMs, found.changedAtMs);
      segments.push({ ...found.file, relativeKey: key });
      continue;
    }
    unusable.push(unusableSegment(playlist, key, found));
    // A disk in trouble would be asked for all that follow.
    if (unusable.length === MAX_PROBLEMS || unusable.at(-1)?.rule.retryable) break;
  }
  assertNone(unusable);
  return { segments, changedAtMs };
}

/** Throws the first of these problems, which tells the others. */
function assertNone(problems: readonly UploadFailure[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const messages = problems.map((problem) => problem.message);
  if (problems.length === MAX_PROBLEMS) messages.push('there may be more');
  throw first.with({}, { message: messages.join('; ') });
}

function unusableSegment(playlist: SourceFile, key: string, found: Inspection): UploadFailure {
  const { code, message: reason } =
    found.kind === 'unusable'
      ? found.failure
      : invalid(found.kind === 'directory' ? 'it is a directory' : 'it is empty');
  const message = `the playlist ${visible(playlist.path)} needs ${visible(key)}: ${reason}`;
  const hint = 'Put the file in its place, or correct the playlist.';
  return new UploadFailure(code, message, { stage: 'plan', hint });
}

/** Everything that these playlists carry along. Of playlists that refer to each other, the first stays its own. */
export async function claimFiles(
  playlists: readonly { readonly absolute: string; readonly type: string }[],
  realDirectory: RealDirectory,
): Promise<Claims> {
  const claimed = createPathSet();
  const unread = new Map<string, UploadFailure>();
  const nested = new Map<string, Set<string>>();
  for (const { absolute, type } of playlists) {
    const found = await readPlaylist(absolute, absolute, type, realDirectory);
    const { keys, playlistKeys } = found;
    for (const [directory, failure] of found.unread) unread.set(directory, failure);
    const inside = new Set<string>();
    nested.set(absolute, inside);
    for (const key of keys) {
      const file = path.join(path.dirname(absolute), key);
      claimed.add(path.dirname(file) + '/');
      if (playlistKeys.has(key)) inside.add(file);
      else claimed.add(file);
    }
  }
  for (const [outer, inside] of nested) {
    for (const inner of inside) {
      const refersBack = nested.get(inner)?.has(outer) === true;
      if (!refersBack || outer < inner) claimed.add(inner);
    }
  }
  return {
    has: (absolute) => claimed.has(absolute),
    doubt(shown, absolute) {
      if (unread.size === 0 || !isSegmentType(extensionOf(path.basename(absolute))))
        return undefined;
      const cause = nearest(unread, path.dirname(absolute));
      return cause && inDoubt(shown, cause);
    },
  };
}

/** What is known of a directory, or else of the next one that it is in. */
function nearest<T>(known: ReadonlyMap<string, T>, directory: string): T | undefined {
  for (let at = directory; ; at = path.dirname(at)) {
    const found = known.get(at);
    if (found !== undefined || at === path.dirname(at)) return found;
  }
}

function inDoubt(shown: string, cause: UploadFailure): UploadFailure {
  const message = `${visible(shown)} may be part of a playlist: ${cause.message}`;
  return new UploadFailure(cause.code, message, { stage: 'plan', cause });
}

function refusal(playlist: string, uri: string, reason: string): UploadFailure {
  return invalid(
    `the playlist ${visible(playlist)} refers to ${visible(withoutSecrets(uri))}: ${reason}`,
    'Write references relative to the playlist, to files in its directory or below.',
  );
}

function invalid(message: string, hint?: string): UploadFailure {
  const facts = { stage: 'plan' as const };
  return new UploadFailure(
    'source-invalid',
    message,
    hint === undefined ? facts : { ...facts, hint },
  );
}
