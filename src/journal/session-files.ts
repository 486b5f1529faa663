import { unlinkSync } from 'node:fs';
import { open, opendir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobId, SessionKey } from '../core/ids.js';
import type { TemporaryCredentials } from '../core/model.js';
import { parseRecord, textOf, optionalTextOf, fieldsOf } from './fields.js';
import { makeOwnDirectory, tighten } from './state-directory.js';
import { unwritable } from './unwritable.js';

/** What an unfinished job must not lose and the database must not see. */
export interface SessionSecrets {
  /** Also in the checkpoint record: a file and a record that disagree belong to two sessions. */
  readonly tag: string;
  readonly sessionKey: SessionKey;
  /** Absent where the account's own key signs: that one is never written down. */
  readonly credentials?: TemporaryCredentials;
}

export interface SessionFile {
  readonly name: string;
  /** The job that it belongs to. */
  readonly id: JobId;
}

/** One small file an unfinished job: unlike a page of the database, it can be removed for good. */
export class SessionFiles {
  readonly #dir: string;
  readonly #runId: string;

  private constructor(dir: string, runId: string) {
    this.#dir = dir;
    this.#runId = runId;
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

  /** The file is whole and on disk when this resolves, or as it was before. */
  async write(id: JobId, secrets: SessionSecrets): Promise<void> {
    const path = this.#pathOf(id);
    const temporary = `${path}.${this.#runId}.tmp`;
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify({ v: 1, ...secrets }));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      await this.#syncDirectory();
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw unwritable(path, error);
    }
  }

  /** Undefined where the file is missing or unreadable. */
  async read(id: JobId): Promise<SessionSecrets | undefined> {
    const text = await readFile(this.#pathOf(id), 'utf8').catch(() => undefined);
    return parseRecord(text, (fields) => {
      const credentials = fields['credentials'];
      return {
        tag: textOf(fields, 'tag'),
        sessionKey: textOf(fields, 'sessionKey') as SessionKey,
        ...(credentials === undefined ? {} : { credentials: credentialsOf(fieldsOf(credentials)) }),
      };
    });
  }

  /** A file that cannot be removed now is an orphan, which the next sweep removes. */
  async remove(id: JobId): Promise<void> {
    await unlink(this.#pathOf(id)).catch(() => undefined);
  }

  /** For use inside a transaction. Whether there was such a file. */
  removeNow(name: string): boolean {
    try {
      unlinkSync(join(this.#dir, name));
      return true;
    } catch {
      return false;
    }
  }

  /** Up to `limit` of the files here, temporary ones of killed runs included. */
  async list(limit: number): Promise<SessionFile[]> {
    const found: SessionFile[] = [];
    for await (const { name } of await opendir(this.#dir)) {
      if (found.push({ name, id: idOf(name) }) >= limit) break;
    }
    return found;
  }

  /** A job's file; temporary ones have an ending. */
  nameOf(id: JobId): string {
    return encodeURIComponent(id).replaceAll('.', '%2E');
  }

  #pathOf(id: JobId): string {
    return join(this.#dir, this.nameOf(id));
  }

  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#dir);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function credentialsOf(fields: Readonly<Record<string, unknown>>): TemporaryCredentials {
  const token = optionalTextOf(fields, 'token');
  return {
    secretId: textOf(fields, 'secretId'),
    secretKey: textOf(fields, 'secretKey'),
    ...(token === undefined ? {} : { token }),
  };
}

function idOf(name: string): JobId {
  const [stem = ''] = name.split('.');
  try {
    return decodeURIComponent(stem) as JobId;
  } catch {
    return stem as JobId;
  }
}
