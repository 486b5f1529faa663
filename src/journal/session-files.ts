import { closeSync, openSync, readFileSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { open, opendir, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobId, SessionKey } from '../core/ids.js';
import type { TemporaryCredentials } from '../core/model.js';
import { formatRecord, nested, optional, parseRecord, textOf, unlessDamaged } from './fields.js';
import type { Fields } from './fields.js';
import { makeOwnDirectory, tighten } from './state-directory.js';
import { outOfFiles, unreadable, unwritable } from './unwritable.js';

/** What an unfinished job must not lose and the database must not see. */
export interface SessionSecrets {
  readonly sessionKey: SessionKey;
  /** Absent where the account's own key signs. */
  readonly credentials?: TemporaryCredentials;
}

/** Where the secrets of one session are. */
export interface SecretsPlace {
  /** Name of the file: the id of the run that wrote them. */
  readonly file: string;
  readonly at: number;
  readonly length: number;
  /** Unlike every other: what is found at a place with another tag belongs to another session. */
  readonly tag: string;
}

/** Room is given out by the page, so that what is next to it is never written to. */
const PAGE = 4096;

/**
 * One small file a run: unlike a page of the database, the place of a session in it can be
 * overwritten for good as soon as its job settles. It is removed when nothing is left in it: by its run,
 * or, once that is gone, by the next sweep. One file for all jobs of a run lets those that begin at the
 * same time share one wait for the disk.
 */
export class SessionFiles {
  readonly #dir: string;
  readonly #name: string;
  /** By size in pages, where something was and nothing is. */
  readonly #free = new Map<number, number[]>();
  #file: Promise<FileHandle> | undefined;
  #descriptor: number | undefined;
  #end = 0;
  #live = 0;
  #tags = 0;
  #syncing: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  private constructor(dir: string, runId: string) {
    this.#dir = dir;
    this.#name = runId;
  }

  /** For looking only: makes no directory. */
  static view(dir: string): SessionFiles {
    return new SessionFiles(dir, '');
  }

  static async open(dir: string, runId: string): Promise<SessionFiles> {
    try {
      await makeOwnDirectory(dir);
    } catch (error) {
      throw unwritable(dir, error);
    }
    await tighten(dir, 0o700);
    return new SessionFiles(dir, runId);
  }

  /** The secrets are on disk when this resolves. */
  async write(id: JobId, secrets: SessionSecrets): Promise<SecretsPlace> {
    const tag = `${this.#name}-${++this.#tags}`;
    const text = Buffer.from(formatRecord({ id, tag, ...secrets }));
    const { length } = text;
    const at = this.#take(pagesOf(length));
    const place = { file: this.#name, at, length, tag };
    try {
      const { fd } = await (this.#file ??= this.#create());
      this.#descriptor = fd;
      // What a full disk does first is to take less.
      const written = writeSync(fd, text, 0, length, at);
      if (written < length) throw new Error('ENOSPC: no space left on device, write');
      await this.#sync();
    } catch (error) {
      // One that could not be made may be made later.
      if (this.#descriptor === undefined) this.#file = undefined;
      this.erase(place);
      const path = this.#pathOf(this.#name);
      throw outOfFiles(path, error) ?? unwritable(path, error);
    }
    return place;
  }

  /** Undefined where there is nothing, or something else. Throws where that cannot be found out. */
  async read({ file, at, length, tag }: SecretsPlace): Promise<SessionSecrets | undefined> {
    const text = Buffer.alloc(length);
    const path = this.#pathOf(file);
    let handle: FileHandle | undefined;
    try {
      handle = await open(path);
      await handle.read(text, 0, length, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw unreadable(path, error, 'journal-unreadable');
    } finally {
      await handle?.close();
    }
    const found = parseSecrets(text.toString());
    return found?.tag === tag ? found.secrets : undefined;
  }

  /** What cannot be erased now is erased by the next sweep. */
  erase(place: SecretsPlace): void {
    const { file, at, length } = place;
    const isOwn = file === this.#name;
    if (isOwn) {
      this.#live -= 1;
      const pages = pagesOf(length);
      const free = this.#free.get(pages);
      if (free === undefined) this.#free.set(pages, [at]);
      else free.push(at);
    }
    try {
      if (!isOwn) this.#eraseOfOther(place);
      else if (this.#descriptor !== undefined) overwrite(this.#descriptor, at, length);
    } catch {
      return;
    }
  }

  /**
   * Erases what `isOver` says in a file that nobody writes to any more, and removes the file where
   * nothing is left; returns how many sessions were erased. For use inside a transaction.
   */
  sweep(file: string, isOver: (id: JobId, tag: string) => boolean): number {
    const path = this.#pathOf(file);
    let erased = 0;
    let live = 0;
    try {
      const bytes = readFileSync(path);
      const descriptor = openSync(path, 'r+');
      try {
        for (const { at, length } of recordsIn(bytes)) {
          const found = parseSecrets(bytes.toString('utf8', at, at + length));
          if (found !== undefined && !isOver(found.id, found.tag)) {
            live += 1;
            continue;
          }
          overwrite(descriptor, at, length);
          erased += 1;
        }
      } finally {
        closeSync(descriptor);
      }
      if (live === 0) unlinkSync(path);
    } catch {
      return 0;
    }
    return erased;
  }

  /** Up to `limit` names of files here: each is the id of its run. */
  async list(limit: number): Promise<string[]> {
    const found: string[] = [];
    try {
      for await (const { name } of await opendir(this.#dir)) {
        if (found.push(name) >= limit) break;
      }
    } catch (error) {
      throw unreadable(this.#dir, error);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#syncing.catch(() => undefined);
    const file = await this.#file?.catch(() => undefined);
    if (file === undefined) return;
    if (this.#live === 0) await unlink(this.#pathOf(this.#name)).catch(() => undefined);
    await file.close();
  }

  /** The file stays, also where nothing is left in it: its run may be at work. */
  #eraseOfOther({ file, at, length, tag }: SecretsPlace): void {
    const text = Buffer.alloc(length);
    const descriptor = openSync(this.#pathOf(file), 'r+');
    try {
      readSync(descriptor, text, 0, length, at);
      if (parseSecrets(text.toString())?.tag === tag) overwrite(descriptor, at, length);
    } finally {
      closeSync(descriptor);
    }
  }

  #take(pages: number): number {
    this.#live += 1;
    const at = this.#free.get(pages)?.pop();
    if (at !== undefined) return at;
    this.#end += pages * PAGE;
    return this.#end - pages * PAGE;
  }

  async #create(): Promise<FileHandle> {
    // Opened first: once the file is there it cannot be made again.
    const directory = await open(this.#dir);
    try {
      const file = await open(this.#pathOf(this.#name), 'wx', 0o600);
      // Not every file system can sync a directory.
      await directory.sync().catch(() => undefined);
      return file;
    } finally {
      await directory.close();
    }
  }

  /** Resolves when everything written before is on disk; those who wait at the same time share a sync. */
  #sync(): Promise<void> {
    this.#nextSync ??= this.#syncing
      .catch(() => undefined)
      .then(async () => {
        this.#nextSync = undefined;
        const file = await this.#file;
        await file?.datasync();
        // Whoever takes a run for dead may remove its file.
        if ((await file?.stat())?.nlink === 0) throw new Error('the file was removed meanwhile');
      });
    this.#syncing = this.#nextSync;
    return this.#syncing;
  }

  #pathOf(name: string): string {
    return join(this.#dir, name);
  }
}

interface Found {
  readonly id: JobId;
  readonly tag: string;
  readonly secrets: SessionSecrets;
}

function* recordsIn(bytes: Buffer): Generator<{ readonly at: number; readonly length: number }> {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at);
    const length = (end < 0 ? bytes.length : end) - at;
    if (length > 0) yield { at, length };
    at += pagesOf(length) * PAGE;
  }
}

function parseSecrets(text: string): Found | undefined {
  const read = (fields: Fields): Found => ({
    id: textOf<JobId>(fields, 'id'),
    tag: textOf(fields, 'tag'),
    secrets: {
      sessionKey: textOf<SessionKey>(fields, 'sessionKey'),
      ...optional(fields, 'credentials', nested(credentialsOf)),
    },
  });
  return unlessDamaged(() => parseRecord(text, read), undefined);
}

function credentialsOf(fields: Fields): TemporaryCredentials {
  return {
    secretId: textOf(fields, 'secretId'),
    secretKey: textOf(fields, 'secretKey'),
    ...optional(fields, 'token', textOf),
  };
}

function overwrite(descriptor: number, at: number, length: number): void {
  writeSync(descriptor, Buffer.alloc(length), 0, length, at);
}

/** A page at least ends in a zero byte, so that the next session is told from this one. */
function pagesOf(length: number): number {
  return Math.floor(length / PAGE) + 1;
}
