import type { JobId } from '../core/ids.js';
import type { Checkpoint, Job, ObjectCheckpoint, Receipt } from '../core/model.js';
import type { Claim, Replaced, Superseded } from '../core/ports.js';
import { giveUp, holderOf, take } from './claims.js';
import type { Claimant, Taken } from './claims.js';
import { isExpired, localTime } from './expiry.js';
import type { Moment } from './expiry.js';
import { unlessDamaged } from './fields.js';
import { HeldJob } from './held-job.js';
import type { JournalContext } from './held-job.js';
import type { Holder, JournalOptions, OpenJournal, UnfinishedJob } from './journal.js';
import { claimKeysOf } from './keys.js';
import type { ClaimKeys } from './keys.js';
import { RENEWAL_MS, formatLease, leaseOf } from './leases.js';
import type { Lease } from './leases.js';
import { compare, consult } from './ledger.js';
import { listUnfinished } from './list-unfinished.js';
import { loadSecrets } from './secrets.js';
import type { Loaded } from './secrets.js';
import type { SessionFiles } from './session-files.js';
import type { Store } from './store.js';
import type { Tables } from './tables.js';
import { sweep, sweepSecrets } from './sweep.js';
import type { Swept, SweepOptions } from './sweep.js';
import { dropIfOurs, mayContinue, readUnfinished } from './unfinished.js';
import type { UnfinishedRecord } from './unfinished.js';

/** What a run looks at, of each kind, when it ends. */
const SWEPT_AT_END = 1000;
/** The journal of one run, in lmdb and session files. Calls for one job take effect in the order in which they were made. */
export class LmdbJournal implements OpenJournal {
  readonly #options: JournalOptions;
  readonly #store: Store;
  readonly #files: SessionFiles;
  readonly #context: JournalContext;
  readonly #held = new Map<JobId, HeldJob>();
  #lease: Lease;
  #renewal: NodeJS.Timeout | undefined;
  /** The service has answered since, so the clock is right. */
  #hasSettled = false;

  constructor(options: JournalOptions, store: Store, files: SessionFiles) {
    this.#options = options;
    this.#store = store;
    this.#files = files;
    this.#context = { store, files, runId: options.runId, moment: () => this.#moment() };
    this.#lease = leaseOf(options, this.#localNow());
  }

  /** Makes this run known to the others and keeps it so. */
  async begin(): Promise<void> {
    await this.#renew();
    // A renewal that fails is made up for by the next one.
    this.#renewal = setInterval(() => void this.#renew().catch(() => undefined), RENEWAL_MS);
    this.#renewal.unref();
  }

  async claim(job: Job): Promise<Claim> {
    const { force, finishes, resume, runId, now } = this.#options;
    const keys = claimKeysOf(job);
    const taken = await this.#store.transact((tables) => {
      const isBegun = finishes && tables.checkpoints.get(job.id) !== undefined;
      const entry = force || isBegun ? undefined : consult(tables, job, now());
      if (entry === undefined) return take(tables, job, keys, this.#asking());
      const { checkpoint } = unlessDamaged(() => readUnfinished(tables, job.id), undefined) ?? {};
      const isOver = checkpoint === undefined || isExpired(checkpoint, this.#moment());
      const begunAnew = isOver ? undefined : checkpoint.phase;
      return { kind: 'uploaded' as const, begunAnew, ...compare(entry, job) };
    });
    if (taken.kind !== 'taken') return taken;
    // What is unfinished of this run itself is gone on with in any case.
    const isOfThisRun = taken.own?.checkpoint.secrets.file === runId;
    return this.#hold(job, keys, taken, resume || isOfThisRun);
  }

  async claimUnfinished(id: JobId): Promise<Claim | undefined> {
    const found = await this.#store.transact((tables) => {
      const record = readUnfinished(tables, id);
      const keys = record && claimKeysOf(record.job);
      return keys && { ...record, keys, taken: take(tables, record.job, keys, this.#asking()) };
    });
    if (found === undefined) return undefined;
    const { job, keys, taken } = found;
    return taken.kind === 'taken' ? this.#hold(job, keys, taken, true) : taken;
  }

  async remember(
    id: JobId,
    checkpoint: Checkpoint,
    changed?: readonly ObjectCheckpoint[],
  ): Promise<void> {
    return this.#mine(id).remember(checkpoint, changed);
  }

  async settle({ id }: Job, receipt: Receipt): Promise<Replaced | undefined> {
    const replaced = await this.#mine(id).settle(receipt);
    this.#held.delete(id);
    this.#hasSettled = true;
    return replaced;
  }

  async forget(id: JobId): Promise<void> {
    const held = this.#held.get(id);
    if (held !== undefined) return held.forget();
    const { runId } = this.#options;
    const left = await this.#store.transact((tables) => dropIfOurs(tables, id, runId));
    if (left !== undefined) this.#files.erase(left);
  }

  async release(id: JobId): Promise<void> {
    const { runId } = this.#options;
    const held = this.#held.get(id);
    await (held?.release() ?? this.#store.transact((tables) => giveUp(tables, id, runId)));
    this.#held.delete(id);
  }

  list(damaged: 'told' | 'left' = 'told'): AsyncGenerator<UnfinishedJob> {
    const holder = (tables: Tables, id: JobId): Holder | undefined =>
      holderOf(tables, id, this.#asking());
    return listUnfinished(this.#store, holder, (record) => this.#load(record), damaged);
  }

  gc(): Promise<Swept> {
    return sweep(this.#sweeping(Infinity));
  }

  async close(): Promise<void> {
    clearInterval(this.#renewal);
    await Promise.all([...this.#held.values()].map((held) => held.ended()));
    const tidy = this.#hasSettled ? sweep : sweepSecrets;
    await tidy(this.#sweeping(SWEPT_AT_END)).catch(() => undefined);
    const giveUpAll = (tables: Tables): void => {
      for (const held of this.#held.values()) held.giveUp(tables);
      tables.runs.remove(this.#options.runId);
    };
    // On a full disk the lease stays, and goes stale with this process.
    await this.#store.transact(giveUpAll).catch(() => undefined);
    this.#held.clear();
    await this.#files.close();
    await this.#store.close();
  }

  /** Goes on with what is unfinished of the claimed job, or tells what it supersedes. */
  async #hold(
    job: Job,
    keys: ClaimKeys,
    taken: Extract<Taken, { kind: 'taken' }>,
    resume: boolean,
  ): Promise<Claim> {
    const { own, earlier } = taken;
    const held = new HeldJob(this.#context, job, keys, taken);
    // What is claimed can be released, also where the secrets cannot be read for now.
    this.#held.set(job.id, held);
    const loaded = own && (await this.#load(own));
    if (own && loaded && !loaded.isOver && mayContinue(own, job, resume)) {
      return held.goOnWith(own, loaded);
    }
    const reason = loaded?.isOver ? 'session-over' : resume ? 'other-files' : 'no-resume';
    const superseded = loaded
      ? asSuperseded(loaded, reason)
      : asSuperseded(earlier && (await this.#load(earlier)), 'other-media');
    return { kind: 'ours', changedOptions: [], ...superseded };
  }

  #mine(id: JobId): HeldJob {
    const held = this.#held.get(id);
    if (held === undefined) throw new Error(`job ${id} is not claimed`);
    return held;
  }

  #load(record: UnfinishedRecord): Promise<Loaded> {
    return loadSecrets(record, this.#files, this.#moment());
  }

  #moment(): Moment {
    const { now, clockOffsetMs } = this.#options;
    return { now: now(), offsetMs: clockOffsetMs() };
  }

  #localNow(): Date {
    return localTime(this.#moment());
  }

  #asking(): Claimant {
    return { lease: this.#lease, localNow: this.#localNow() };
  }

  async #renew(): Promise<void> {
    const lease = { ...this.#lease, renewedAt: this.#localNow() };
    await this.#store.transact((tables) => tables.runs.put(lease.runId, formatLease(lease)));
    this.#lease = lease;
  }

  #sweeping(limit: number): SweepOptions {
    const [store, files, lease] = [this.#store, this.#files, this.#lease];
    return { store, files, lease, limit, ...this.#moment() };
  }
}

function asSuperseded(left: Loaded | undefined, reason: Superseded['reason']) {
  return left && { superseded: { job: left.job, checkpoint: left.checkpoint, reason } };
}
