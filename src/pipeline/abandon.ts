import type { Job } from '../core/model.js';
import type { Superseded } from '../core/ports.js';
import { abortEach, isRefusedForGood } from './abort-each.js';
import { note, warn } from './messages.js';
import type { Ports } from './ports.js';

const REASONS: Readonly<Record<Superseded['reason'], string>> = {
  'other-media': 'has changed',
  'other-files': 'has another cover, other segments or other content',
  'no-resume': 'is begun anew, --no-resume',
  'session-over': 'is begun anew, since its session is over',
  'without-cover': 'was begun without its cover',
};

/** What was begun before is given up, unless it may be a media already, of an earlier state of the file. */
export async function leaveSuperseded(
  job: Job,
  superseded: Superseded,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  if (superseded.checkpoint.phase === 'committing') {
    const remedy = 'vod-upload jobs resume ends it';
    warn(ports, job, `changed since its unfinished upload, which may be a media by now: ${remedy}`);
    return;
  }
  note(ports, job, `${REASONS[superseded.reason]}: its unfinished upload is abandoned`);
  await abandon(superseded, superseded.job.id === job.id, ports, signal);
}

/**
 * Gives up a session. It is forgotten unless an upload of it can be aborted later: then it stays on record,
 * until a new session of the same job takes its place where it `isReplaced`.
 */
export async function abandon(
  { job, checkpoint }: Pick<Superseded, 'job' | 'checkpoint'>,
  isReplaced: boolean,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  let isKept = false;
  for await (const hindrance of abortEach(job, checkpoint, ports.cos, signal)) {
    const isForNow = !isRefusedForGood(hindrance);
    isKept ||= isForNow;
    const why = `could not be aborted and may stay stored: ${hindrance.message}`;
    const remedy = isForNow && !isReplaced ? '; vod-upload jobs gc tries again' : '';
    warn(ports, job, `its unfinished upload ${why}${remedy}`);
  }
  if (!isKept) await ports.journal.forget(job.id);
}
