import { formatDuration } from '../core/duration.js';
import type { UploadFailure } from '../core/errors.js';
import type { UploadEvent } from '../core/events.js';
import type { Effort, Outcome, Status } from '../core/model.js';
import { formatSize, jobSize } from '../core/size.js';
import { visibleMessage, visiblePath } from '../core/text.js';
import { rateText } from './progress-text.js';

export interface TextOptions {
  /** Also tell of decisions and of requests that are repeated. */
  readonly verbose: boolean;
  readonly colour: boolean;
}

const COLOURS: Readonly<Record<Status, number>> = {
  uploaded: 32,
  skipped: 2,
  failed: 31,
  interrupted: 33,
  unknown: 31,
};
const STATUS_WIDTH = 'interrupted'.length;

/** The line that an event is worth to people; undefined where it is worth none. */
export function eventText(event: UploadEvent, options: TextOptions): string | undefined {
  switch (event.type) {
    case 'job-settled':
      return outcomeText(event.outcome, options.colour);
    case 'warning':
      return paint(33, 'warning:', options.colour) + visibleMessage(` ${event.message}`);
    case 'note':
      return options.verbose ? visibleMessage(event.message) : undefined;
    case 'job-retried':
      return options.verbose ? visibleMessage(retryText(event)) : undefined;
    default:
      return undefined;
  }
}

/** One line on how an input ended; never more than one, whatever its name or the service says. */
export function outcomeText(outcome: Outcome, colour: boolean): string {
  const status = paint(COLOURS[outcome.status], outcome.status.padEnd(STATUS_WIDTH), colour);
  return `${status} ${visiblePath(outcome.path)}  ${visibleMessage(detail(outcome))}`;
}

function detail(outcome: Outcome): string {
  switch (outcome.status) {
    case 'uploaded':
      return `${formatSize(jobSize(outcome.job))} ${effortText(outcome.effort)}`;
    case 'skipped':
      return outcome.receipt ? `${outcome.reason} as ${outcome.receipt.fileId}` : outcome.reason;
    case 'interrupted':
      return `${formatSize(outcome.effort?.bytesSent ?? 0)} sent`;
    default:
      return failureText(outcome.failure);
  }
}

function effortText({ bytesSent, bytesResumed, startedAt, finishedAt }: Effort): string {
  const durationMs = Math.max(1, +finishedAt - +startedAt);
  const resumed = bytesResumed > 0 ? `, ${formatSize(bytesResumed)} were stored before` : '';
  return `in ${formatDuration(durationMs)} (${rateText((bytesSent / durationMs) * 1000)})${resumed}`;
}

function failureText(failure: UploadFailure): string {
  const { stage, serviceCode, requestId } = failure.facts;
  const facts = [stage, serviceCode, requestId && `request id ${requestId}`].filter(Boolean);
  const where = facts.length > 0 ? ` (${facts.join(', ')})` : '';
  return `${failure.code}: ${failure.message}${where}. ${failure.hint}`;
}

function retryText(retry: Extract<UploadEvent, { type: 'job-retried' }>): string {
  const { path, stage, code, message, attempt, waitMs } = retry;
  return `retry       ${path}  ${stage}: ${code}: ${message}; attempt ${attempt} in ${formatDuration(waitMs)}`;
}

function paint(code: number, text: string, colour: boolean): string {
  return colour ? `\x1b[${code}m${text}\x1b[0m` : text;
}
