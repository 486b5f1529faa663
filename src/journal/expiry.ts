import type { CheckpointRecord } from './checkpoint-record.js';

const DAY_MS = 86_400_000;

/** How long it is remembered what is a media, or may be one: whoever forgets that makes a second one. */
export const MEDIA_KEPT_MS = 730 * DAY_MS;
/** How long after its certificate has expired a job is still listed. */
const GRACE_MS: Readonly<Record<CheckpointRecord['phase'], number>> = {
  sending: DAY_MS,
  // Objects that are whole in the bucket need no certificate to be committed, only the session key.
  assembled: 30 * DAY_MS,
  committing: MEDIA_KEPT_MS,
};

/** The service's time as far as it is known, and by how much it is later than the local clock. */
export interface Moment {
  readonly now: Date;
  readonly offsetMs: number;
}

/** The same moment by the clock of this machine. */
export function localTime({ now, offsetMs }: Moment): Date {
  return new Date(now.getTime() - offsetMs);
}

/** Whether nothing can be done any more with what the session granted. */
export function isExpired(record: CheckpointRecord, moment: Moment): boolean {
  return record.phase === 'sending' && leftMs(record, moment) <= 0;
}

/** Whether nobody needs to be told of it any more. */
export function isForgettable(record: CheckpointRecord, moment: Moment): boolean {
  return leftMs(record, moment) <= -GRACE_MS[record.phase];
}

/**
 * How long the session lives yet. A clock that nobody has corrected in this run may be as wrong as
 * it was when the record was written, or have been set right since: whichever leaves more counts,
 * since to ask for a session that is over costs a request, and to give up a live one all its bytes.
 */
function leftMs({ session, clockOffsetMs }: CheckpointRecord, { now, offsetMs }: Moment): number {
  const aheadMs = offsetMs === 0 ? Math.max(0, -clockOffsetMs) : 0;
  return session.expiresAt.getTime() - now.getTime() + aheadMs;
}
