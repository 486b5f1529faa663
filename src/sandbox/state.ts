import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

export interface Certificate {
  readonly secretId: string;
  readonly secretKey: string;
  readonly token: string;
  readonly expiresAtMs: number;
}

/** What one apply granted. */
export interface SessionRecord {
  readonly sessionKey: string;
  readonly fileId: string;
  readonly bucket: string;
  readonly region: string;
  readonly mediaKey: string;
  readonly coverKey: string | null;
  readonly mediaType: string;
  readonly subAppId: number | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly certificates: readonly Certificate[];
  readonly appliedAtMs: number;
  /** 0 or 1; further calls with the same key are `repeats`. */
  readonly commits: number;
  readonly repeats: number;
  readonly committedAtMs: number | null;
  readonly taskId: string | null;
}

export interface PartRecord {
  readonly number: number;
  readonly size: number;
  readonly etag: string;
  readonly crc64: string;
  readonly file: string;
  readonly atMs: number;
}

export interface UploadRecord {
  readonly uploadId: string;
  readonly bucket: string;
  readonly key: string;
  readonly contentType: string;
  readonly atMs: number;
  readonly parts: Map<number, PartRecord>;
}

export interface ObjectRecord {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly crc64: string;
  readonly contentType: string;
  readonly atMs: number;
}

export interface Keys {
  readonly secretId: string;
  readonly secretKey: string;
  readonly appId: number;
  /** Makes this directory's bucket names its own. */
  readonly tag: string;
}

/** Everything that changes the state, one JSON line each. */
type Change =
  | { readonly type: 'session'; readonly session: SessionRecord }
  | { readonly type: 'upload'; readonly upload: Omit<UploadRecord, 'parts'> }
  | { readonly type: 'part'; readonly uploadId: string; readonly part: PartRecord }
  | { readonly type: 'ended'; readonly uploadId: string }
  | { readonly type: 'object'; readonly object: ObjectRecord }
  | { readonly type: 'deleted'; readonly bucket: string; readonly key: string };

export interface State {
  readonly dir: string;
  readonly keys: Keys;
  readonly partsDir: string;
  readonly sessions: ReadonlyMap<string, SessionRecord>;
  readonly uploads: ReadonlyMap<string, UploadRecord>;
  sessionOfCertificate(secretId: string): SessionRecord | undefined;
  sessionOfFile(fileId: string): SessionRecord | undefined;
  object(bucket: string, key: string): ObjectRecord | undefined;
  objectPath(bucket: string, key: string): string;
  bucketOf(region: string): string;
  record(change: Change): void;
  close(): void;
}

const SECRET = { mode: 0o600 };
/** The journal is read in chunks of this many bytes: as one text it may be longer than Node takes. */
const CHUNK = 1 << 20;
const STORAGE_ACCOUNT = 10022853;

/** What the changes so far add up to. */
interface Tables {
  readonly sessions: Map<string, SessionRecord>;
  readonly byCertificate: Map<string, string>;
  readonly byFile: Map<string, string>;
  readonly uploads: Map<string, UploadRecord>;
  readonly objects: Map<string, ObjectRecord>;
}

function applyChange(tables: Tables, change: Change): void {
  switch (change.type) {
    case 'session': {
      const { session } = change;
      tables.sessions.set(session.sessionKey, session);
      tables.byFile.set(session.fileId, session.sessionKey);
      for (const { secretId } of session.certificates) {
        tables.byCertificate.set(secretId, session.sessionKey);
      }
      return;
    }
    case 'upload':
      tables.uploads.set(change.upload.uploadId, { ...change.upload, parts: new Map() });
      return;
    case 'part':
      tables.uploads.get(change.uploadId)?.parts.set(change.part.number, change.part);
      return;
    case 'ended':
      tables.uploads.delete(change.uploadId);
      return;
    case 'object':
      tables.objects.set(`${change.object.bucket}/${change.object.key}`, change.object);
      return;
    case 'deleted':
      tables.objects.delete(`${change.bucket}/${change.key}`);
  }
}

/** Opens the state below `<dir>/.sandbox`, making it on first use. */
export function openState(dir: string): State {
  const home = join(dir, '.sandbox');
  const partsDir = join(home, 'parts');
  mkdirSync(partsDir, { recursive: true, mode: 0o700 });
  const keys = openKeys(join(home, 'keys.json'));
  const tables: Tables = {
    sessions: new Map(),
    byCertificate: new Map(),
    byFile: new Map(),
    uploads: new Map(),
    objects: new Map(),
  };
  const file = openSync(join(home, 'state.jsonl'), 'a+', SECRET.mode);
  let size = readChanges(file, tables);
  ftruncateSync(file, size);
  removeLeftovers(partsDir, tables);
  const { sessions, byCertificate, byFile, uploads, objects } = tables;
  return {
    dir,
    keys,
    partsDir,
    sessions,
    uploads,
    sessionOfCertificate: (secretId) => sessions.get(byCertificate.get(secretId) ?? ''),
    sessionOfFile: (fileId) => sessions.get(byFile.get(fileId) ?? ''),
    object: (bucket, key) => objects.get(`${bucket}/${key}`),
    objectPath: (bucket, key) => join(dir, bucket, key),
    bucketOf: (region) => `${bucketName(keys, region)}-${STORAGE_ACCOUNT}`,
    record(change) {
      const line = Buffer.from(`${JSON.stringify(change)}\n`);
      try {
        writeFileSync(file, line);
      } catch (error) {
        ftruncateSync(file, size); // a full disk takes half a line
        throw error;
      }
      size += line.length;
      applyChange(tables, change);
    },
    close: () => closeSync(file),
  };
}

function bucketName(keys: Keys, region: string): string {
  const hash = createHash('sha256').update(`${keys.tag}/${region}`).digest('hex');
  return `${hash.slice(0, 8)}vodcq${keys.appId}`;
}

function openKeys(path: string): Keys {
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Keys;
  const keys: Keys = {
    secretId: `AKID${letters(32)}`,
    secretKey: letters(32),
    appId: 1_400_000_000 + (randomBytes(4).readUInt32BE() % 100_000_000),
    tag: letters(8),
  };
  writeFileSync(`${path}.new`, `${JSON.stringify(keys)}\n`, SECRET);
  renameSync(`${path}.new`, path);
  return keys;
}

/** Applies the changes written so far, and tells where they end: a line torn by a kill never happened. */
function readChanges(file: number, tables: Tables): number {
  const chunk = Buffer.alloc(CHUNK);
  let rest = Buffer.alloc(0);
  let size = 0;
  for (let read; (read = readSync(file, chunk)) > 0;) {
    const bytes = Buffer.concat([rest, chunk.subarray(0, read)]);
    const end = bytes.lastIndexOf('\n') + 1;
    const lines = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
    for (const line of lines) applyChange(tables, JSON.parse(line) as Change);
    rest = bytes.subarray(end);
    size += end;
  }
  return size;
}

/** Removes what a process that was killed had begun to receive or to join. */
function removeLeftovers(partsDir: string, { uploads }: Tables): void {
  const parts = [...uploads.values()].flatMap((upload) => [...upload.parts.values()]);
  const kept = new Set(parts.map(({ file }) => basename(file)));
  for (const name of readdirSync(partsDir)) if (!kept.has(name)) rmSync(join(partsDir, name));
}

/** Where a finished object would be played from; '' for none. */
export function mediaUrlOf({ keys }: State, key: string | null): string {
  if (key === null) return '';
  const path = key.split('/').map(encodeURIComponent).join('/');
  return `http://${keys.appId}.vod2.myqcloud.com/${path}`;
}

/** Random ASCII letters and digits. */
export function letters(count: number, alphabet = ALPHANUMERIC): string {
  let text = '';
  for (const byte of randomBytes(count)) text += alphabet[byte % alphabet.length];
  return text;
}

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
