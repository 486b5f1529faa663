import type { UploadFailure } from '../core/errors.js';
import type { Failed, Job } from '../core/model.js';
import { askedMs, sleep } from '../core/waits.js';

/** Failed jobs that are kept for a second try; further ones are on record at once. */
const MOST = 10_000;
/** What is stored can be gone on with for less than two hours (protocol: VOD, certificates). */
const EARLY_MS = 15 * 60_000;

/** A job that failed, as it is kept. */
export interface SecondTry {
  readonly job: Job;
  readonly outcome: Failed;
  /** The service has asked to be left alone until then. */
  readonly dueAt: number;
  /** What is stored of it is gone on with from then on, though others have not ended. */
  readonly earlyAt: number;
}

/** Jobs that failed but may fare better once all others have ended. */
export interface SecondTries {
  /** Whether the job is to be tried again: only then is its outcome not final. */
  keep(job: Job, outcome: Failed): boolean;
  /** Takes out those whose bytes in the bucket would grow old until all others have ended. */
  early(): SecondTry[];
  /** Each when it is due, or at once where no job may begin any more. What fails from now on is not kept. */
  due(): AsyncGenerator<SecondTry>;
}

/** None is kept where `failAtOnce`, nor once `stop` has aborted. */
export function createSecondTries(
  failAtOnce: boolean,
  stop: AbortSignal,
  now: () => number = () => performance.now(),
): SecondTries {
  let kept: SecondTry[] = [];
  let nextEarlyAt = Infinity;
  let isOpen = !failAtOnce;
  return {
    keep(job, outcome) {
      const { failure } = outcome;
      if (!isOpen || stop.aborted || kept.length >= MOST || !mayPass(failure)) return false;
      const dueAt = now() + (askedMs(failure) ?? 0);
      const earlyAt = isStored(outcome) ? Math.max(dueAt, now() + EARLY_MS) : Infinity;
      kept.push({ job, outcome, dueAt, earlyAt });
      nextEarlyAt = Math.min(nextEarlyAt, earlyAt);
      return true;
    },
    early() {
      const at = now();
      if (stop.aborted || at < nextEarlyAt) return [];
      const found = kept.filter(({ earlyAt }) => earlyAt <= at);
      kept = kept.filter(({ earlyAt }) => earlyAt > at);
      nextEarlyAt = kept.reduce((least, { earlyAt }) => Math.min(least, earlyAt), Infinity);
      return found;
    },
    async *due() {
      isOpen = false;
      for (const one of kept.sort((a, b) => a.dueAt - b.dueAt)) {
        const waitMs = one.dueAt - now();
        if (waitMs > 0) await sleep(waitMs, stop).catch(() => undefined);
        yield one;
      }
    },
  };
}

/**
 * A file that changed will not have changed back, and a session that did not last twice will not
 * last a third time; everything else that is retryable may pass.
 */
function mayPass({ code, rule }: UploadFailure): boolean {
  return rule.retryable && code !== 'source-changed' && code !== 'session-expired';
}

function isStored({ effort }: Failed): boolean {
  return effort !== undefined && effort.bytesSent + effort.bytesResumed > 0;
}
