import { readFile, readdir, stat } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import type { SessionRecord } from '../../src/sandbox/sandbox.js';
import { partName, type KillWorld, type Title, type Trace } from './kill-world.js';

/** What a loop of kills came to. */
export interface Audit {
  /** What is not as promised; empty where all is well. */
  readonly complaints: readonly string[];
  /** Bytes that the cloud received, over the bytes of all files. */
  readonly waste: number;
}

/** Reads the cloud's ledger, the manifest of the last run and the state it left. */
export async function audit(world: KillWorld): Promise<Audit> {
  const complaints = [
    ...(await auditManifest(world)),
    ...(await auditObjects(world)),
    ...(await auditState(world)),
    ...auditUploads(world),
    ...world.traces.flatMap((trace, index) =>
      auditResent(trace).map((one) => `run ${index + 1} ${one}`),
    ),
  ];
  return { complaints, waste: await wasteOf(world) };
}

/** One record a title, with the FileId of the one session of it that was committed. */
async function auditManifest(world: KillWorld): Promise<string[]> {
  const { results: records } = await world.shell.manifest();
  const complaints: string[] = [];
  for (const { path } of world.titles) {
    const own = records.filter((record) => record.path === path);
    const isDone = own.every(
      ({ status, reason }) => status === 'uploaded' || reason === 'already-uploaded',
    );
    if (own.length !== 1 || !isDone) complaints.push(`${path}: records ${JSON.stringify(own)}`);
  }
  if (records.length !== world.titles.length) complaints.push(`${records.length} records`);
  const told = records.map(({ fileId }) => fileId).sort();
  const committed = world.cloud
    .committed()
    .map(({ fileId }) => fileId)
    .sort();
  if (told.join() !== committed.join()) {
    complaints.push(`told ${told.join()}, but committed are ${committed.join()}`);
  }
  return complaints;
}

/** Every committed object is its file, byte for byte. */
async function auditObjects(world: KillWorld): Promise<string[]> {
  const complaints: string[] = [];
  const { results } = await world.shell.manifest();
  const fileIds = new Map(results.map(({ path, fileId }) => [path, fileId]));
  for (const title of world.titles) {
    const session = world.cloud
      .committed()
      .find(({ fileId }) => fileId === fileIds.get(title.path));
    if (session === undefined) {
      complaints.push(`${title.path}: no session was committed`);
      continue;
    }
    for (const [path, key] of placesOf(title, session)) {
      const [sent, stored] = await Promise.all([
        readFile(world.shell.at(path)),
        readFile(world.cloud.objectPath(key)).catch(() => undefined),
      ]);
      if (stored === undefined) complaints.push(`${path}: no object ${key}`);
      else if (!sent.equals(stored)) complaints.push(`${path}: the object is another`);
    }
  }
  return complaints;
}

/** Every file of a title and its object key. */
function placesOf(
  { path, cover, segments = [] }: Title,
  session: SessionRecord,
): [string, string][] {
  const folder = posix.dirname(session.mediaKey);
  return [
    [path, session.mediaKey],
    ...(cover ? [[cover, session.coverKey ?? ''] satisfies [string, string]] : []),
    ...segments.map((segment): [string, string] => [
      segment,
      posix.join(folder, posix.relative(dirname(path), segment)),
    ]),
  ];
}

/** Nothing unfinished, no secret. */
async function auditState({ shell }: KillWorld): Promise<string[]> {
  const left = await readdir(shell.at('state/vod-upload/sessions'));
  const { stdout, code, stderr } = await shell.run(['jobs', 'list']);
  return [
    ...left.map((name) => `session file ${name} is left`),
    ...(stdout === '' && code === 0 ? [] : [`jobs list: ${code} ${stdout}${stderr}`]),
  ];
}

/** An upload stays open only where a Complete was sent before it was given up. */
function auditUploads({ cloud, traces }: KillWorld): string[] {
  const completed = new Set(
    traces
      .flatMap(({ requests }) => requests)
      .filter(({ operation }) => operation === 'CompleteMultipartUpload')
      .map(({ key }) => key),
  );
  return cloud
    .openUploads()
    .filter(({ key }) => !completed.has(key))
    .map(({ key, parts }) => `an upload of ${key} with ${parts.length} parts is open`);
}

/** A part that the cloud held when a run began is not sent by that run. */
function auditResent({ requests, storedBefore }: Trace): string[] {
  return requests
    .filter(({ operation }) => operation === 'UploadPart')
    .map(({ key, partNumber }) => partName(key, partNumber))
    .filter((name) => storedBefore.has(name))
    .map((name) => `sent ${name} again`);
}

async function wasteOf({ shell, titles, traces }: KillWorld): Promise<number> {
  const received = traces
    .flatMap(({ requests }) => requests)
    .filter(({ operation }) => operation === 'UploadPart' || operation === 'PutObject')
    .reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
  const files = titles.flatMap(({ path, cover, segments = [] }) => [
    path,
    ...(cover ? [cover] : []),
    ...segments,
  ]);
  const sizes = await Promise.all(files.map(async (file) => (await stat(shell.at(file))).size));
  return received / sizes.reduce((sum, size) => sum + size, 0);
}
