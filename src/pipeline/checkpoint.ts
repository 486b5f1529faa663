import { partSizeFor } from '../core/parts.js';
import type { Checkpoint, Job, JobObject, ObjectCheckpoint, Session } from '../core/model.js';
import type { Journal } from '../core/ports.js';

/** The checkpoint of one job as it grows; several of its objects may be under way at once. */
export interface LiveCheckpoint {
  readonly current: Checkpoint;
  readonly session: Session;
  object(key: string): ObjectCheckpoint;
  /** Durable once resolved. */
  update(key: string, change: Partial<ObjectCheckpoint>): Promise<void>;
  /** Written down before long; a process that ends sooner finds it out again at some cost. */
  keep(key: string, change: Partial<ObjectCheckpoint>): void;
  enter(phase: Checkpoint['phase']): Promise<void>;
  /** Resolves once nothing is being written; never rejects. */
  written(): Promise<void>;
}

export function keepCheckpoint(job: Job, initial: Checkpoint, journal: Journal): LiveCheckpoint {
  let current = initial;
  let writing: Promise<void> = Promise.resolve();
  let isDue = false;

  /** Writes follow each other; what changes while one is under way shares the next. */
  function write(): Promise<void> {
    if (isDue) return writing;
    isDue = true;
    writing = writing.then(() => {
      isDue = false;
      return journal.remember(job.id, current);
    });
    return writing;
  }

  function change(key: string, changes: Partial<ObjectCheckpoint>): void {
    const objects = current.objects.map((object) =>
      object.key === key ? { ...object, ...changes } : object,
    );
    const isSent = objects.every(({ stored, completing }) => stored || completing);
    const phase = isSent && current.phase === 'sending' ? 'assembled' : current.phase;
    current = { ...current, objects, phase };
  }

  return {
    get current() {
      return current;
    },
    session: initial.session,
    object(key) {
      const found = current.objects.find((object) => object.key === key);
      if (!found) throw new Error(`no checkpoint of object ${key}`);
      return found;
    },
    update(key, changes) {
      change(key, changes);
      return write();
    },
    keep(key, changes) {
      change(key, changes);
      // After the last object the commit is on record next, and this with it.
      if (current.objects.some(({ stored }) => !stored)) write().catch(() => undefined);
    },
    enter(phase) {
      current = { ...current, phase };
      return write();
    },
    written: () => writing.catch(() => undefined),
  };
}

/**
 * The files of a job and the keys that the session gives them; segments go next to the media. The cover
 * comes first: if it fails, little else was sent for nothing.
 */
export function objectsOf(job: Job, session: Session): readonly JobObject[] {
  const folder = session.mediaKey.slice(0, session.mediaKey.lastIndexOf('/') + 1);
  return [
    ...(job.cover && session.coverKey
      ? [{ role: 'cover', key: session.coverKey, file: job.cover } as const]
      : []),
    ...job.segments.map((file): JobObject => ({
      role: 'segment',
      key: folder + file.relativeKey,
      file,
    })),
    { role: 'media', key: session.mediaKey, file: job.media },
  ];
}

/** Where a job stands when its session has just begun. */
export function firstCheckpoint(
  job: Job,
  session: Session,
  partSize: number | undefined,
): Checkpoint {
  return {
    session,
    phase: 'sending',
    objects: objectsOf(job, session).map(({ key, file }) => ({
      key,
      partSize: partSizeFor(file.size, partSize),
    })),
  };
}
