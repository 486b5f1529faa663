import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { UploadFailure } from '../../src/core/errors.js';
import type { FileId, JobId, SessionKey, UploadId } from '../../src/core/ids.js';
import type { ApplyRequest, Checkpoint, Job, Receipt, Segment } from '../../src/core/model.js';
import type { Claim, Replaced } from '../../src/core/ports.js';
import { openJournal } from '../../src/journal/open-journal.js';
import type { JournalOptions, OpenJournal } from '../../src/journal/journal.js';

let runs = 0;

/** Options of a run of this process. */
export function optionsFor(dir: string, changes: Partial<JournalOptions> = {}): JournalOptions {
  return {
    dir,
    runId: `run-${process.pid}-${++runs}`,
    pid: process.pid,
    host: hostname(),
    now: () => new Date(),
    clockOffsetMs: () => 0,
    resume: true,
    force: false,
    finishes: false,
    ...changes,
  };
}

/** A job on a file of its own; another `version` is the same file with other content. */
export function jobFor(
  number: number,
  { version = 0, request = {}, segments = [] }: JobChanges = {},
): Job {
  const path = `videos/${number}.mp4`;
  const size = 1000 + version;
  const id = createHash('sha256').update(`${path} ${size}`).digest('hex') as JobId;
  return {
    id,
    media: {
      path,
      realPath: `/srv/${path}`,
      size,
      mtimeNs: 1_700_000_000_123_456_789n + BigInt(version),
      inode: 2n ** 60n + BigInt(number),
    },
    segments,
    request: { mediaType: 'mp4', mediaName: String(number), ...request },
  };
}

interface JobChanges {
  readonly version?: number;
  readonly request?: Partial<ApplyRequest>;
  readonly segments?: readonly Segment[];
}

/** Secrets of a job's session, easy to look for. */
export function secretsOf(number: number): string[] {
  const mark = String(number).padStart(7, '0');
  return [`SESSION-KEY-${mark}`, `TEMPORARY-ID-${mark}`, `TEMPORARY-KEY-${mark}`, `TOKEN-${mark}`];
}

export function checkpointFor(
  number: number,
  phase: Checkpoint['phase'],
  expiresAt: Date = new Date(Date.now() + 3_600_000),
): Checkpoint {
  const [sessionKey = '', secretId = '', secretKey = '', token = ''] = secretsOf(number);
  return {
    session: {
      sessionKey: sessionKey as SessionKey,
      subAppId: 1500001234,
      bucket: 'bucket-1250000000',
      region: 'ap-chongqing',
      mediaKey: `dir/${number}.mp4`,
      credentials: { secretId, secretKey, token },
      expiresAt,
      requestId: `apply-${number}`,
    },
    objects: [
      {
        key: `dir/${number}.mp4`,
        partSize: 8 * 1024 * 1024,
        ...(number % 2 === 0 ? {} : { larger: { from: 9, partSize: 32 * 1024 * 1024 } }),
        uploadId: `upload-${number}` as UploadId,
        completing: phase !== 'sending',
        ...(phase === 'sending' ? {} : { stored: { crc64: '18446744073709551615' } }),
      },
    ],
    phase,
  };
}

/** The checkpoint of a session whose file is lost. */
export function withoutSecrets({ session, ...checkpoint }: Checkpoint): Checkpoint {
  const { sessionKey, credentials, ...others } = session;
  assert.ok(sessionKey && credentials);
  return { ...checkpoint, session: others };
}

export function receiptFor(number: number): Receipt {
  return {
    fileId: `528589078427353${String(number).padStart(4, '0')}` as FileId,
    mediaUrl: `http://example.com/${number}.mp4`,
    coverUrl: null,
    storage: { bucket: 'bucket-1250000000', region: 'ap-chongqing', path: `/dir/${number}.mp4` },
    crc64: String(18446744073709551615n - BigInt(number)),
    requestIds: { apply: `apply-${number}`, commit: `commit-${number}` },
  };
}

/** Journals on a directory of their own, closed and removed together. */
export class JournalWorld {
  readonly dir: string;
  readonly #open = new Set<OpenJournal>();

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(): Promise<JournalWorld> {
    return new JournalWorld(await mkdtemp(join(tmpdir(), 'vod-journal-')));
  }

  async begin(changes: Partial<JournalOptions> = {}): Promise<OpenJournal> {
    const journal = await openJournal(optionsFor(this.dir, changes));
    this.#open.add(journal);
    return journal;
  }

  async end(journal: OpenJournal): Promise<void> {
    this.#open.delete(journal);
    await journal.close();
  }

  /** A run of its own takes the job as far as the checkpoint says, and ends. */
  async leaveUnfinished(
    job: Job,
    checkpoint: Checkpoint,
    changes: Partial<JournalOptions> = {},
  ): Promise<void> {
    const journal = await this.begin(changes);
    await journal.claim(job);
    await journal.remember(job.id, checkpoint);
    await this.end(journal);
  }

  /** A run of its own uploads the job, whether it was uploaded before or not; what it has replaced. */
  async upload(job: Job, receipt: Receipt): Promise<Replaced | undefined> {
    const journal = await this.begin({ force: true });
    await journal.claim(job);
    const replaced = await journal.settle(job, receipt);
    await this.end(journal);
    return replaced;
  }

  /** What a run of its own that claims this job is told. */
  async claimAnew(number: number, changes: Partial<JournalOptions> = {}): Promise<Claim> {
    const journal = await this.begin(changes);
    const claim = await journal.claim(jobFor(number));
    await this.end(journal);
    return claim;
  }

  async files(): Promise<string[]> {
    const entries = await readdir(this.dir, { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map(({ parentPath, name }) => join(parentPath, name));
  }

  /** Whether any byte of any file gives away a secret of the job's session. */
  async hasSecretsOf(number: number): Promise<boolean> {
    const contents = await Promise.all((await this.files()).map((path) => readFile(path)));
    return secretsOf(number).some((secret) => contents.some((bytes) => bytes.includes(secret)));
  }

  async remove(): Promise<void> {
    for (const journal of this.#open) await journal.close();
    await rm(this.dir, { recursive: true });
  }
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** For assert.rejects: the journal cannot be written, or read, and the message names the thing. */
export function isUnwritable(naming: string, code = 'journal-unwritable') {
  return (error: unknown): boolean => {
    assert.ok(error instanceof UploadFailure, String(error));
    assert.equal(error.code, code);
    assert.ok(error.message.includes(naming), error.message);
    return true;
  };
}
