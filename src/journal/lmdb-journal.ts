import { UploadFailure } from '../core/errors.js';
import type { JobId, SessionKey } from '../core/ids.js';
import type { Checkpoint, Job, ObjectCheckpoint, Receipt, Session } from '../core/model.js';
import type { Claim, Replaced, Superseded } from '../core/ports.js';
import { dropAdditions, putAddition } from './additions.js';
import { formatCheckpoint } from './checkpoint-record.js';
import { giveUp, holderOf, take } from './claims.js';
import type { Claimant, Taken } from './claims.js';
import { isExpired, localTime } from './expiry.js';
import type { Moment } from './expiry.js';
import { RENEWAL_MS, formatLease, leaseOf } from './leases.js';
import type { Lease } from './leases.js';
import { compare, consult, enter } from './ledger.js';
import { unlessDamaged } from './fields.js';
import type { Holder, JournalOptions, OpenJournal, UnfinishedJob } from './journal.js';
import { changedOptions, keptOptions } from './kept-options.js';
import { formatJob } from './job-record.js';
import { claimKeysOf } from './keys.js';
import type { ClaimKeys } from './keys.js';
import { listUnfinished } from './list-unfinished.js';
import { loadSecrets } from './secrets.js';
import type { Loaded } from './secrets.js';
import type { SecretsPlace, SessionFiles } from './session-files.js';
import type { Store } from './store.js';
import type { Tables } from './tables.js';
import { sweep, sweepSecrets } from './sweep.js';
import type { Swept, SweepOptions } from './sweep.js';
import { begunAs, dropUnfinished, mayContinue, readUnfinished } from './unfinished.js';
import type { UnfinishedRecord } from './unfinished.js';

/** What a run looks at, of each kind, when it ends. */
const SWEPT_AT_END = 1000;
/** Up to so many objects a checkpoint is written whole each time, which leaves nothing to put together. */
const WRITTEN_WHOLE = 64;

/** What this run knows of a job that it has claimed. */
interface Held {
  readonly claimed: Job;
  readonly keys: ClaimKeys;
  /** The claimed job as its session was begun. */
  job: Job;
  /** Claimed along: an earlier state of the same file. */
  readonly earlierId: JobId | undefined;
  /** The session that is gone on with, and where its secrets are. */
  secrets: { readonly place: SecretsPlace; readonly sessionKey: SessionKey } | undefined;
  /** Where the secrets of the checkpoint in the database are, whether it is gone on with or not. */
  recorded: SecretsPlace | undefined;
  /** How much was added to that checkpoint since it was written whole. */
  additions: number;
  /** Whether the database knows the job, not only the claim. */
  isRecorded: boolean;
  /** Settles with the last thing that was asked for this job; never rejects. */
  last: Promise<unknown>;
}

/** The journal of one run, in lmdb and session files. Calls for one job take effect in the order in which they were made. */
export class LmdbJournal implements OpenJournal {
  readonly #options: JournalOptions;
  readonly #store: Store;
  readonly #files: SessionFiles;
  readonly #held = new Map<JobId, Held>();
  #lease: Lease;
  #renewal: NodeJS.Timeout | undefined;
  /** The service has answered since, so the clock is right. */
  #hasSettled = false;

  constructor(options: JournalOptions, store: Store, files: SessionFiles) {
    this.#options = options;
    this.#store = store;
    this.#files = files;
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

  remember(
    id: JobId,
    { session, objects, phase }: Checkpoint,
    changed?: readonly ObjectCheckpoint[],
  ): Promise<void> {
    return this.#inOrder(id, async (held) => {
      if (held === undefined) throw new Error(`job ${id} is not claimed`);
      const place = await this.#keepSecrets(id, held, session);
      const { now, offsetMs } = this.#moment();
      const progress = { objects, phase, updatedAt: now, clockOffsetMs: offsetMs };
      if (changed !== undefined && held.isRecorded && objects.length > WRITTEN_WHOLE) {
        const addition = { ...progress, objects: changed };
        await this.#writeIfOurs(id, held, (tables) =>
          putAddition(tables, id, place.tag, held.additions, addition),
        );
        held.additions += 1;
        return;
      }
      await this.#writeIfOurs(id, held, (tables) => {
        tables.checkpoints.put(id, formatCheckpoint(session, place, progress));
        if (held.additions > 0) dropAdditions(tables, id);
        if (held.isRecorded) return;
        tables.jobs.put(id, formatJob(held.job));
        tables.sources.put(held.keys.sourceKey, id);
      });
      held.additions = 0;
      held.isRecorded = true;
      const before = held.recorded;
      held.recorded = place;
      if (before !== undefined && before.tag !== place.tag) this.#files.erase(before);
    });
  }

  settle(job: Job, receipt: Receipt): Promise<Replaced | undefined> {
    const { id } = job;
    return this.#inOrder(id, async (held) => {
      const { now } = this.#options;
      const { replaced, left } = await this.#store.transact((tables) => {
        const place = this.#drop(tables, id, held);
        const entered = enter(tables, held?.job ?? job, receipt, now());
        this.#giveUp(tables, id, held);
        return { replaced: entered, left: place };
      });
      this.#held.delete(id);
      this.#hasSettled = true;
      if (left !== undefined) this.#files.erase(left);
      return replaced;
    });
  }

  forget(id: JobId): Promise<void> {
    return this.#inOrder(id, async (held) => {
      const left = await this.#store.transact((tables) => this.#drop(tables, id, held));
      if (left !== undefined) this.#files.erase(left);
      if (held === undefined) return;
      held.secrets = undefined;
      held.recorded = undefined;
      held.additions = 0;
    });
  }

  release(id: JobId): Promise<void> {
    return this.#inOrder(id, async (held) => {
      await this.#store.transact((tables) => this.#giveUp(tables, id, held));
      this.#held.delete(id);
      const place = held?.secrets?.place;
      if (place !== undefined && place.tag !== held?.recorded?.tag) this.#files.erase(place);
    });
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
    await Promise.all([...this.#held.values()].map(({ last }) => last));
    const tidy = this.#hasSettled ? sweep : sweepSecrets;
    await tidy(this.#sweeping(SWEPT_AT_END)).catch(() => undefined);
    const giveUpAll = (tables: Tables): void => {
      for (const [id, held] of this.#held) this.#giveUp(tables, id, held);
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
    { own, earlier }: Extract<Taken, { kind: 'taken' }>,
    resume: boolean,
  ): Promise<Claim> {
    const held: Held = {
      claimed: job,
      keys,
      job,
      earlierId: earlier?.job.id,
      secrets: undefined,
      recorded: own?.checkpoint.secrets,
      additions: own?.additions ?? 0,
      isRecorded: false,
      last: Promise.resolve(),
    };
    // What is claimed can be released, also where the secrets cannot be read for now.
    this.#held.set(job.id, held);
    const loaded = own && (await this.#load(own));
    if (own && loaded && !loaded.isOver && mayContinue(own, job, resume)) {
      return goOnWith(held, own, loaded);
    }
    const reason = loaded?.isOver ? 'session-over' : resume ? 'other-files' : 'no-resume';
    const superseded = loaded
      ? asSuperseded(loaded, reason)
      : asSuperseded(earlier && (await this.#load(earlier)), 'other-media');
    return { kind: 'ours', changedOptions: [], ...superseded };
  }

  #load(record: UnfinishedRecord): Promise<Loaded> {
    return loadSecrets(record, this.#files, this.#moment());
  }

  /** Writes the secrets of a session that are not on disk yet; they come before the checkpoint. */
  async #keepSecrets(
    id: JobId,
    held: Held,
    { sessionKey, credentials }: Session,
  ): Promise<SecretsPlace> {
    if (sessionKey === undefined) throw new Error(`the session of job ${id} has no key`);
    if (held.secrets?.sessionKey === sessionKey) return held.secrets.place;
    held.job = held.claimed;
    held.isRecorded = false;
    const place = await this.#files.write(id, { sessionKey, ...(credentials && { credentials }) });
    held.secrets = { place, sessionKey };
    return place;
  }

  /** A run that stood still for long may have lost its claim, and must not commit a second media. */
  async #writeIfOurs(id: JobId, held: Held, write: (tables: Tables) => void): Promise<void> {
    const isOurs = await this.#store.transact((tables) => {
      if (tables.claims.get(id) !== this.#options.runId) return false;
      write(tables);
      return true;
    });
    if (isOurs) return;
    throw new UploadFailure(
      'journal-unwritable',
      `another run has taken over ${held.job.media.path}, since this one stood still`,
      { hint: 'Run the same command again.' },
    );
  }

  /** Drops an unfinished job unless another run has claimed it; returns where its secrets are. */
  #drop(tables: Tables, id: JobId, held: Held | undefined): SecretsPlace | undefined {
    const claim = tables.claims.get(id);
    if (claim !== undefined && claim !== this.#options.runId) return undefined;
    const place = held ? held.recorded : readUnfinished(tables, id)?.checkpoint.secrets;
    dropUnfinished(tables, id, held && { ...held.keys, additions: held.additions });
    return place;
  }

  #giveUp(tables: Tables, id: JobId, held: Held | undefined): void {
    for (const key of [id, held?.earlierId, held?.keys.contentKey]) {
      if (key !== undefined) giveUp(tables, key, this.#options.runId);
    }
  }

  #inOrder<T>(id: JobId, work: (held: Held | undefined) => Promise<T>): Promise<T> {
    const held = this.#held.get(id);
    if (held === undefined) return work(undefined);
    const result = held.last.then(() => work(this.#held.get(id)));
    held.last = result.catch(() => undefined);
    return result;
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

function goOnWith(held: Held, own: UnfinishedRecord, { place, checkpoint }: Loaded): Claim {
  const { request } = held.claimed;
  const { sessionKey } = checkpoint.session;
  held.job = begunAs(own, held.claimed);
  held.secrets = sessionKey && { place, sessionKey };
  const changed = changedOptions(keptOptions(held.job.request), keptOptions(request));
  return { kind: 'ours', changedOptions: changed, checkpoint, begun: held.job };
}

function asSuperseded(left: Loaded | undefined, reason: Superseded['reason']) {
  return left && { superseded: { job: left.job, checkpoint: left.checkpoint, reason } };
}
