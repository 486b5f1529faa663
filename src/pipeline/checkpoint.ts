import { partSizeFor } from '../core/parts.js';
import type { Checkpoint, Job, JobObject, ObjectCheckpoint, Session } from '../core/model.js';
import type { Journal } from '../core/ports.js';

/** How long what is only kept may wait for what is kept after it. */
const KEPT_MS = 500;

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
  /** Resolves once everything is written, or cannot be; never rejects. */
  written(): Promise<void>;
}

export function keepCheckpoint(job: Job, initial: Checkpoint, journal: Journal): LiveCheckpoint {
  const { session } = initial;
  const objects = new Map(initial.objects.map((object) => [object.key, object]));
  let phase = initial.phase;
  let unsent = initial.objects.filter(isUnsent).length;
  let changed = new Set<string>();
  let writing: Promise<void> = Promise.resolve();
  let isDue = false;
  let timer: NodeJS.Timeout | undefined;

  const current = (): Checkpoint => ({ session, objects: [...objects.values()], phase });

  function object(key: string): ObjectCheckpoint {
    const found = objects.get(key);
    if (!found) throw new Error(`no checkpoint of object ${key}`);
    return found;
  }

  /** Writes follow each other; what changes while one is under way shares the next. */
  function write(): Promise<void> {
    if (isDue) return writing;
    isDue = true;
    writing = writing.then(() => {
      clearTimeout(timer);
      timer = undefined;
      isDue = false;
      const keys = changed;
      changed = new Set();
      return journal.remember(job.id, current(), [...keys].map(object));
    });
    return writing;
  }

  function change(key: string, changes: Partial<ObjectCheckpoint>): void {
    const before = object(key);
    const after = { ...before, ...changes };
    objects.set(key, after);
    changed.add(key);
    unsent += Number(isUnsent(after)) - Number(isUnsent(before));
    if (unsent === 0 && phase === 'sending') phase = 'assembled';
  }

  return {
    get current() {
      return current();
    },
    session,
    object,
    update(key, changes) {
      change(key, changes);
      return write();
    },
    keep(key, changes) {
      change(key, changes);
      timer ??= setTimeout(() => void write().catch(() => undefined), KEPT_MS);
    },
    enter(next) {
      phase = next;
      return write();
    },
    written: () => (timer === undefined ? writing : write()).catch(() => undefined),
  };
}

function isUnsent({ stored, completing }: ObjectCheckpoint): boolean {
  return stored === undefined && completing !== true;
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
