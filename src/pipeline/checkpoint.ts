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
  /** Known to this run only: cheap to find out again. */
  keep(key: string, change: Partial<ObjectCheckpoint>): void;
  enter(phase: Checkpoint['phase']): Promise<void>;
}

export function keepCheckpoint(job: Job, initial: Checkpoint, journal: Journal): LiveCheckpoint {
  let current = initial;
  let writing: Promise<void> = Promise.resolve();

  /** Writes follow each other, so that the last one written is the last one made. */
  function write(next: Checkpoint): Promise<void> {
    current = next;
    writing = writing.then(() => journal.remember(job.id, next));
    return writing;
  }

  function changed(key: string, change: Partial<ObjectCheckpoint>): Checkpoint {
    const objects = current.objects.map((object) =>
      object.key === key ? { ...object, ...change } : object,
    );
    return { ...current, objects };
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
    update: (key, change) => write(changed(key, change)),
    keep(key, change) {
      current = changed(key, change);
    },
    enter: (phase) => write({ ...current, phase }),
  };
}

/** The files of a job and the keys that the session gives them; segments go next to the media. */
export function objectsOf(job: Job, session: Session): readonly JobObject[] {
  const folder = session.mediaKey.slice(0, session.mediaKey.lastIndexOf('/') + 1);
  return [
    ...job.segments.map((file): JobObject => ({
      role: 'segment',
      key: folder + file.relativeKey,
      file,
    })),
    { role: 'media', key: session.mediaKey, file: job.media },
    ...(job.cover && session.coverKey
      ? [{ role: 'cover', key: session.coverKey, file: job.cover } as const]
      : []),
  ];
}

/** Where a job stands when its session has just begun. */
export function firstCheckpoint(job: Job, session: Session, partSize: number): Checkpoint {
  return {
    session,
    phase: 'sending',
    objects: objectsOf(job, session).map(({ key, file }) => ({
      key,
      partSize: partSizeFor(file.size, partSize),
    })),
  };
}
