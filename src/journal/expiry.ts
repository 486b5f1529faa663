import type { CheckpointRecord } from './checkpoint-record.js';

const DAY_MS = 86_400_000;

/** A job whose certificate has expired is still listed for this long. */
const SENDING_GRACE_MS = DAY_MS;
/** Objects that are whole in the bucket need no certificate to be committed, only the session key. */
const ASSEMBLED_GRACE_MS = 30 * DAY_MS;

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
  const graceMs = record.phase === 'sending' ? SENDING_GRACE_MS : ASSEMBLED_GRACE_MS;
  return leftMs(record, moment) <= -graceMs;
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
