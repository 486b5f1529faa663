import { readFileSync, readlinkSync } from 'node:fs';
import {
  dateOf,
  formatRecord,
  numberOf,
  optional,
  parseRecord,
  textOf,
  unlessDamaged,
} from './fields.js';
import type { Fields } from './fields.js';

/** How often a run renews its lease. */
export const RENEWAL_MS = 30_000;
/** A run whose process cannot be looked at is given up when its lease is older than this. */
export const LEASE_MS = 5 * 60_000;
/** Errors of a look at a process that is over. */
const GONE = new Set<string | undefined>(['ENOENT', 'ESRCH']);

/** One run at work; the claims point to it, so that one write renews them all. */
export interface Lease {
  readonly runId: string;
  readonly host: string;
  readonly pid: number;
  /** Kernel ticks: tells a process from a later one with the same number. Absent where /proc is of others. */
  readonly startedTicks?: string;
  /** Process numbers and ticks mean something only in the same boot of the same host and namespaces. */
  readonly bootId?: string;
  readonly pidNamespace?: string;
  readonly timeNamespace?: string;
  /** By the clock of this machine, which all who look at it have in common. */
  readonly renewedAt: Date;
}

export function leaseOf(
  run: { readonly runId: string; readonly host: string; readonly pid: number },
  renewedAt: Date,
): Lease {
  const { runId, host, pid } = run;
  // A /proc of another namespace shows other processes under the same numbers.
  const isOurs = attempt(() => readlinkSync('/proc/self')) === String(pid);
  const startedTicks = isOurs ? attempt(() => startedTicksOf(pid)) : undefined;
  const bootId = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const pidNamespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  const timeNamespace = attempt(() => readlinkSync('/proc/self/ns/time'));
  return {
    runId,
    host,
    pid,
    ...(startedTicks === undefined ? {} : { startedTicks }),
    ...(bootId === undefined ? {} : { bootId }),
    ...(pidNamespace === undefined ? {} : { pidNamespace }),
    ...(timeNamespace === undefined ? {} : { timeNamespace }),
    renewedAt,
  };
}

/**
 * Whether the run behind `lease` is still at work, seen from the run behind `own`. Where its
 * process can be looked at, that decides; else (another host or container, no /proc) the age does.
 */
export function isLive(lease: Lease, own: Lease, localNow: Date): boolean {
  if (lease.host === own.host && lease.bootId !== undefined && own.bootId !== undefined) {
    if (lease.bootId !== own.bootId) return false;
    const isAtWork = isVisible(lease, own) ? isRunning(lease) : undefined;
    if (isAtWork !== undefined) return isAtWork;
  }
  return localNow.getTime() - lease.renewedAt.getTime() < LEASE_MS;
}

/** Whether both runs see the same processes, by the same numbers and ticks. */
function isVisible(lease: Lease, own: Lease): boolean {
  return (
    lease.startedTicks !== undefined &&
    own.startedTicks !== undefined &&
    lease.pidNamespace === own.pidNamespace &&
    lease.timeNamespace === own.timeNamespace
  );
}

/** Whether the process of the lease is there; undefined where it cannot be looked at for now. */
function isRunning({ pid, startedTicks }: Lease): boolean | undefined {
  try {
    return startedTicksOf(pid) === startedTicks;
  } catch (error) {
    // Anything else says nothing about it: this process may have too many open files.
    return GONE.has((error as NodeJS.ErrnoException).code) ? false : undefined;
  }
}

/** When the process began; undefined where only its remains are left. Throws where it cannot be looked at. */
function startedTicksOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // proc(5): the second field, the name, is in parentheses and may hold anything.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

export function formatLease(lease: Lease): string {
  return formatRecord(lease);
}

/** Undefined where it is missing or damaged. */
export function parseLease(text: string | undefined): Lease | undefined {
  const read = (fields: Fields): Lease => ({
    runId: textOf(fields, 'runId'),
    host: textOf(fields, 'host'),
    pid: numberOf(fields, 'pid'),
    ...optional(fields, 'startedTicks', textOf),
    ...optional(fields, 'bootId', textOf),
    ...optional(fields, 'pidNamespace', textOf),
    ...optional(fields, 'timeNamespace', textOf),
    renewedAt: dateOf(fields, 'renewedAt'),
  });
  return unlessDamaged(() => parseRecord(text, read), undefined);
}
