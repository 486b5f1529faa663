import type { Stage } from '../core/errors.js';
import type { JobObject, Session } from '../core/model.js';
import type { ObjectTarget, OnRetry } from '../core/ports.js';
import type { LiveCheckpoint } from './checkpoint.js';
import type { JobProgress } from './job-progress.js';
import type { GiveWay } from './part-slots.js';
import type { Ports } from './ports.js';

/** A job on its way through one session. */
export interface JobUpload {
  readonly progress: JobProgress;
  readonly checkpoint: LiveCheckpoint;
  /** The session was begun by an earlier try: the bucket may hold more than the journal knows. */
  readonly isRecalled: boolean;
  readonly ports: Ports;
}

/** One of its objects on its way into the bucket. */
export interface ObjectSending extends JobUpload {
  readonly object: JobObject;
  readonly target: ObjectTarget;
  readonly onRetry: OnRetry;
}

export function stageOf({ role }: JobObject): Stage {
  return `upload-${role}`;
}

export function targetOf(
  { key }: { readonly key: string },
  { bucket, region, credentials }: Session,
): ObjectTarget {
  return { bucket, region, key, ...(credentials && { credentials }) };
}

/**
 * A request that is to be repeated leaves its connection to others, where there are fewer by now and while
 * it waits for the first time. Who waits longer keeps it: a service in trouble is asked the less.
 */
export function givingWay(onRetry: OnRetry, giveWay: GiveWay, signal: AbortSignal): OnRetry {
  return async (retry) => {
    await onRetry(retry);
    await giveWay(signal, retry.attempt === 1 ? retry.waitMs : 0);
  };
}

export function countSent({ object, progress }: ObjectSending, bytes: number): void {
  if (object.role !== 'cover') progress.sent(bytes);
}

export function countResumed({ object, progress }: ObjectSending, bytes: number): void {
  if (object.role !== 'cover') progress.resumed(bytes);
}
