import type { UploadEvent } from '../core/events.js';
import type { JobId } from '../core/ids.js';
import type { Outcome } from '../core/model.js';
import { LOG_COMMAND } from '../core/text.js';
import type { Output, Reporter } from './reporter.js';

const PROGRESS_INTERVAL_MS = 1000;

export interface JsonOptions {
  readonly stream: Output;
  readonly now: () => Date;
  /** What a settled job looks like: its manifest record. */
  readonly toRecord: (outcome: Outcome) => object;
}

/** One JSON object a line for programs; its schema ships with the package. */
export function createJsonLines({ stream, now, toRecord }: JsonOptions): Reporter {
  const toldAtMs = new Map<JobId, number>();

  function isDue(id: JobId): boolean {
    const nowMs = +now();
    // The clock may be set back.
    const agoMs = Math.abs(nowMs - (toldAtMs.get(id) ?? -Infinity));
    if (agoMs < PROGRESS_INTERVAL_MS) return false;
    toldAtMs.set(id, nowMs);
    return true;
  }

  return {
    handle(event) {
      if (event.type === 'job-progress' && !isDue(event.id)) return;
      if (event.type === 'job-settled' && event.outcome.job) toldAtMs.delete(event.outcome.job.id);
      const facts = publicFacts(event, toRecord);
      if (facts === undefined) return;
      stream.write(formatEvent(event.type, now(), facts));
    },
  };
}

/** The documented fields of the documented types; everything else stays inside. */
function publicFacts(
  event: UploadEvent,
  toRecord: (outcome: Outcome) => object,
): object | undefined {
  switch (event.type) {
    case 'run-started':
      return { runId: event.runId, startedAt: event.startedAt };
    case 'job-started':
      return { id: event.id, path: event.path, size: event.size };
    case 'job-progress': {
      const { id, path, bytesStored, size } = event;
      return { id, path, bytesStored, size };
    }
    case 'job-retried': {
      const { id, path, stage, code, message, attempt, waitMs } = event;
      return { id, path, stage, code, message, attempt, waitMs };
    }
    case 'job-settled':
      return withOwn({ id: event.outcome.job?.id ?? null }, toRecord(event.outcome));
    case 'run-finished':
      return { exitCode: event.exitCode, durationMs: event.durationMs, summary: event.summary };
    default:
      return undefined;
  }
}

/** One event as a line. */
export function formatEvent(type: string, time: Date, facts: object): string {
  return formatLine(withOwn({ type, time, schema: 1 }, facts));
}

/** The event's own fields, first and as they are, whatever columns of a job list the facts hold. */
function withOwn(own: object, facts: object): object {
  return { ...own, ...facts, ...own };
}

/** Facts as a line of JSON; U+2028 and U+2029 are line ends to some readers, others look for commands. */
export function formatLine(facts: object): string {
  const escaped = JSON.stringify(facts)
    .replace(/[\u2028\u2029]/g, (char) => (char === '\u2028' ? '\\u2028' : '\\u2029'))
    .replace(LOG_COMMAND, '\\u0023');
  return `${escaped}\n`;
}
