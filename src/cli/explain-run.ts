import { formatDuration } from '../core/duration.js';
import { formatSize } from '../core/size.js';

/** What there is to say about how a run went; times are sums over all that waited. */
export interface RunFacts {
  /** All that the service acknowledged, whatever became of it. */
  readonly bytesMoved: number;
  readonly durationMs: number;
  readonly mostConnections: number;
  readonly mostFiles: number;
  /** How long bytes of sources were waited for. */
  readonly readMs: number;
  /** How long connections were taken. */
  readonly connectedMs: number;
  readonly apiWaitedMs: number;
  /** How often the service asked to slow down or fell silent. */
  readonly troubles: number;
  /** The share of its time that the main thread was busy, 0 to 1. */
  readonly busy: number;
  /** The share of the time of all processors that anything took meanwhile, 0 to 1, and that this process took. */
  readonly machineBusy: number;
  readonly ownShare: number;
  /** The share of the connections' time in which all was sent and COS had not answered, 0 to 1. */
  readonly answering: number;
  /** How long bytes waited for the rate limit of the user. */
  readonly heldMs: number;
}

/** The main thread is taken for the limit above this share of its time. */
const BUSY = 0.85;
/** The machine is so sooner: what the kernel does between two programs of it is not told. */
const MACHINE_BUSY = 0.65;
/** Whoever hardly computes is held back by something else, however busy others keep the machine. */
const COMPUTES = 0.1;
/** A connection sends what it has read, and waits longer for the slower of the two. */
const SLOW_READS = 0.6;
/** A link that is idle for most of the time is not the limit. */
const SLOW_ANSWERS = 0.6;
/** Where less than half a connection is at work on average, files wait for what comes before and after. */
const CONNECTED = 0.5;
/** What is held back for most of the time would have gone faster. */
const HELD_BACK = 0.5;
/** After trouble it takes about so long until the old number of connections is tried again. */
const RECOVERY_MS = 10_000;
const TROUBLED = 0.2;

/** What the run chose and what held it back, with numbers, in one sentence. */
export function explainRun(facts: RunFacts): string {
  return (
    `${connectionsOf(facts)} and at most ${count(facts.mostFiles, 'file')} at a time, ` +
    `${formatSize(rateOf(facts))}/s: limited by ${limitsOf(facts).join(' and ') || 'the link'}`
  );
}

/** The most that there were, and how many a look at the run would have found. */
function connectionsOf({ mostConnections, connectedMs, durationMs }: RunFacts): string {
  const usual = Math.max(1, Math.round(connectedMs / Math.max(1, durationMs)));
  const most = count(mostConnections, 'connection');
  return usual < mostConnections ? `at most ${most}, ${usual} on average,` : most;
}

function limitsOf(facts: RunFacts): string[] {
  const { durationMs, heldMs, troubles, apiWaitedMs, readMs, connectedMs } = facts;
  const limits: string[] = [];
  if (heldMs > HELD_BACK * durationMs)
    limits.push(`--limit-rate (held bytes back for ${percent(heldMs / durationMs)} of the time)`);
  if (troubles * RECOVERY_MS > TROUBLED * durationMs)
    limits.push(`the service (asked to slow down or fell silent ${count(troubles, 'time')})`);
  if (apiWaitedMs > durationMs)
    limits.push(`the API rate (calls waited ${formatDuration(apiWaitedMs)} in all)`);
  // Reads that are waited for while nothing has time for them are not slow.
  if (facts.busy > BUSY) limits.push(`this machine's CPU (${percent(facts.busy)} of one core)`);
  else if (facts.machineBusy > MACHINE_BUSY && facts.ownShare > COMPUTES)
    limits.push(`this machine's CPU (${percent(facts.machineBusy)} of all cores)`);
  else if (readMs > SLOW_READS * connectedMs)
    limits.push(
      `the disk (${percent(Math.min(1, readMs / connectedMs))} of the time spent reading)`,
    );
  else if (limits.length === 0 && connectedMs < CONNECTED * durationMs)
    limits.push(
      `the calls before and after the bytes (which were under way for ${percent(connectedMs / durationMs)} of the time)`,
    );
  else if (limits.length === 0 && facts.answering > SLOW_ANSWERS)
    limits.push(`the answers of COS (waited for ${percent(facts.answering)} of the time)`);
  return limits;
}

function rateOf({ bytesMoved, durationMs }: RunFacts): number {
  return bytesMoved / Math.max(durationMs / 1000, 0.001);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
