import { UploadFailure } from '../core/errors.js';
import type { JobId } from '../core/ids.js';
import type { Checkpoint, Job, Receipt, Session, TemporaryCredentials } from '../core/model.js';
import { giveUp, holderOf, take } from './claims.js';
import type { Claimant, Taken } from './claims.js';
import { RENEWAL_MS, formatLease, leaseOf } from './leases.js';
import type { Lease } from './leases.js';
import { consult, enter } from './ledger.js';
import type { JournalClaim, JournalOptions, OpenJournal, UnfinishedJob } from './open-journal.js';
import {
  changedOptions,
  contentKeyOf,
  fingerprintsOf,
  formatCheckpoint,
  formatJob,
  haveSameFiles,
  sourceKeyOf,
} from './records.js';
import type { SessionFiles } from './session-files.js';
import type { Store, Tables } from './store.js';
import { isExpired, sweep } from './sweep.js';
import type { Swept } from './sweep.js';
import { dropUnfinished, readUnfinished } from './unfinished.js';
import type { UnfinishedRecord } from './unfinished.js';

/** What every run looks at, of each kind, when it begins. */
const SWEPT_AT_BEGIN = 1000;
const LISTED_AT_ONCE = 100;
/** A commit is signed by the account: no certificate has a part in it. */
const NO_CREDENTIALS: TemporaryCredentials = { secretId: '', secretKey: '' };

/** What this run knows of a job that it has claimed. */
interface Held {
  readonly claimed: Job;
  /** The claimed job with the options that its session was begun with. */
  job: Job;
  /** Claimed along: an earlier state of the same file. */
  readonly earlierId: JobId | undefined;
  /** The secrets on disk. */
  secrets: { readonly tag: string; readonly session: Session } | undefined;
  /** Whether the database knows the job, not only the claim. */
  isRecorded: boolean;
  /** Settles with the last thing that was asked for this job; never rejects. */
  last: Promise<unknown>;
}

interface Loaded {
  readonly id: JobId;
  readonly tag: string;
  readonly checkpoint: Checkpoint;
}

/** The journal of one run, in lmdb and session files. Calls for one job take effect in the order in which they were made. */
export class LmdbJournal implements OpenJournal {
  readonly #options: JournalOptions;
  readonly #store: Store;
  readonly #files: SessionFiles;
  readonly #held = new Map<JobId, Held>();
  #lease: Lease;
  #renewal: NodeJS.Timeout | undefined;
  #tags = 0;

  constructor(options: JournalOptions, store: Store, files: SessionFiles) {
    this.#options = options;
    this.#store = store;
    this.#files = files;
    this.#lease = leaseOf(options, options.now());
  }

  /** Makes this run known to the others and keeps it so. */
  async begin(): Promise<void> {
    await this.#renew();
    // A renewal that fails is made up for by the next one.
    this.#renewal = setInterval(() => void this.#renew().catch(() => undefined), RENEWAL_MS);
    this.#renewal.unref();
    await this.#sweep(SWEPT_AT_BEGIN);
  }

  async claim(job: Job): Promise<JournalClaim> {
    const { force, resume } = this.#options;
    const taken = await this.#store.transact((tables) => {
      const entry = force ? undefined : consult(tables, job.id, this.#options.now());
      if (entry === undefined) return take(tables, job, this.#asking());
      const changed = changedOptions(entry.options, fingerprintsOf(job.request));
      return { kind: 'uploaded' as const, receipt: entry.receipt, changedOptions: changed };
    });
    return taken.kind === 'taken' ? this.#hold(job, taken, resume) : taken;
  }

  async claimUnfinished(id: JobId): Promise<JournalClaim | undefined> {
    const found = await this.#store.transact((tables) => {
      const record = readUnfinished(tables, id);
      return record && { job: record.job, taken: take(tables, record.job, this.#asking()) };
    });
    if (found === undefined) return undefined;
    const { job, taken } = found;
    return taken.kind === 'taken' ? this.#hold(job, taken, true) : taken;
  }

  remember(id: JobId, checkpoint: Checkpoint): Promise<void> {
    return this.#inOrder(id, async (held) => {
      if (held === undefined) throw new Error(`job ${id} is not claimed`);
      const { tag } = await this.#keepSecrets(id, held, checkpoint.session);
      await this.#writeIfOurs(id, held, (tables) => {
        tables.checkpoints.put(id, formatCheckpoint(checkpoint, tag, this.#options.now()));
        if (held.isRecorded) return;
        tables.jobs.put(id, formatJob(held.job));
        tables.sources.put(sourceKeyOf(held.job), id);
      });
      held.isRecorded = true;
    });
  }

  settle(job: Job, receipt: Receipt): Promise<void> {
    const { id } = job;
    return this.#inOrder(id, async (held) => {
      const isDropped = await this.#store.transact((tables) => {
        enter(tables, held?.job ?? job, receipt, this.#options.now());
        const isOurs = this.#drop(tables, id);
        this.#giveUp(tables, id, held);
        return isOurs;
      });
      this.#held.delete(id);
      if (isDropped) await this.#files.remove(id);
    });
  }

  forget(id: JobId): Promise<void> {
    return this.#inOrder(id, async (held) => {
      const isDropped = await this.#store.transact((tables) => {
        const isOurs = this.#drop(tables, id);
        if (held === undefined) this.#giveUp(tables, id, held);
        return isOurs;
      });
      if (isDropped) await this.#files.remove(id);
      if (held !== undefined) held.secrets = undefined;
    });
  }

  release(id: JobId): Promise<void> {
    return this.#inOrder(id, async (held) => {
      await this.#store.transact((tables) => this.#giveUp(tables, id, held));
      this.#held.delete(id);
    });
  }

  async *list(): AsyncGenerator<UnfinishedJob> {
    let after: string | undefined;
    do {
      const slice = await this.#store.transact((tables) =>
        tables.checkpoints.slice(LISTED_AT_ONCE, after).map(({ key }) => {
          const id = key as JobId;
          const record = readUnfinished(tables, id);
          return { id, record, holder: holderOf(tables, id, this.#asking()) };
        }),
      );
      for (const { record, holder } of slice) {
        if (record === undefined) continue;
        const { phase, session, objects, updatedAt } = record.checkpoint;
        const resumable = (await this.#load(record)) !== undefined;
        const shown = { job: record.job, phase, session, objects, updatedAt, resumable };
        yield holder === undefined ? shown : { ...shown, holder };
      }
      after = slice.at(-1)?.id;
    } while (after !== undefined);
  }

  async checkpointOf(id: JobId): Promise<Checkpoint | undefined> {
    const record = await this.#store.transact((tables) => readUnfinished(tables, id));
    return record && (await this.#load(record))?.checkpoint;
  }

  lookup(
    size: number,
    crc64: string,
    subAppId: number | undefined,
  ): Promise<{ readonly id: JobId; readonly receipt: Receipt } | undefined> {
    return this.#store.transact((tables) => {
      const id = tables.contents.get(contentKeyOf(subAppId, size, crc64)) as JobId | undefined;
      const entry = id === undefined ? undefined : consult(tables, id, this.#options.now());
      return id && entry && { id, receipt: entry.receipt };
    });
  }

  gc(): Promise<Swept> {
    return this.#sweep(Infinity);
  }

  async close(): Promise<void> {
    clearInterval(this.#renewal);
    await Promise.all([...this.#held.values()].map(({ last }) => last));
    const giveUpAll = (tables: Tables): void => {
      for (const [id, held] of this.#held) this.#giveUp(tables, id, held);
      tables.runs.remove(this.#options.runId);
    };
    // On a full disk the lease stays, and goes stale with this process.
    await this.#store.transact(giveUpAll).catch(() => undefined);
    this.#held.clear();
    await this.#store.close();
  }

  /** Goes on with what is unfinished of the claimed job, or tells what it supersedes. */
  async #hold(
    job: Job,
    { own, earlier }: Extract<Taken, { kind: 'taken' }>,
    resume: boolean,
  ): Promise<JournalClaim> {
    const loaded = own && (await this.#load(own));
    const continued = own && mayContinue(own, job, resume) ? loaded : undefined;
    const begun = continued && own ? { ...job, request: own.job.request } : job;
    this.#held.set(job.id, {
      claimed: job,
      job: begun,
      earlierId: earlier?.job.id,
      secrets: continued && { tag: continued.tag, session: continued.checkpoint.session },
      isRecorded: false,
      last: Promise.resolve(),
    });
    const changed = changedOptions(fingerprintsOf(begun.request), fingerprintsOf(job.request));
    const ours = { kind: 'ours' as const, changedOptions: changed };
    if (continued) return { ...ours, checkpoint: continued.checkpoint };
    const left = loaded ?? (earlier && (await this.#load(earlier)));
    return left ? { ...ours, superseded: { id: left.id, checkpoint: left.checkpoint } } : ours;
  }

  /** The checkpoint with its secrets; undefined where it is of no use any more. */
  async #load({ job, checkpoint }: UnfinishedRecord): Promise<Loaded | undefined> {
    if (isExpired(checkpoint, this.#options.now())) return undefined;
    const secrets = await this.#files.read(job.id);
    if (secrets === undefined || secrets.tag !== checkpoint.tag) return undefined;
    const { tag, sessionKey } = secrets;
    const credentials =
      secrets.credentials ??
      this.#options.accountKey?.() ??
      (checkpoint.phase === 'sending' ? undefined : NO_CREDENTIALS);
    if (credentials === undefined) return undefined;
    const session: Session = { ...checkpoint.session, sessionKey, credentials };
    const { objects, phase } = checkpoint;
    return { id: job.id, tag, checkpoint: { session, objects, phase } };
  }

  /** Writes the secrets of a session that are not on disk yet; they come before the checkpoint. */
  async #keepSecrets(id: JobId, held: Held, session: Session): Promise<{ readonly tag: string }> {
    if (held.secrets !== undefined && haveSameSecrets(held.secrets.session, session)) {
      return held.secrets;
    }
    await this.#writeIfOurs(id, held, () => undefined);
    const { sessionKey, credentials } = session;
    if (held.secrets?.session.sessionKey !== sessionKey) {
      held.job = held.claimed;
      held.isRecorded = false;
    }
    const tag = `${this.#options.runId}-${++this.#tags}`;
    const kept = this.#isAccountKey(credentials) ? {} : { credentials };
    await this.#files.write(id, { tag, sessionKey, ...kept });
    held.secrets = { tag, session };
    return held.secrets;
  }

  #isAccountKey({ secretId, token }: TemporaryCredentials): boolean {
    return token === undefined || secretId === this.#options.accountKey?.()?.secretId;
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

  /** Drops an unfinished job unless another run has claimed it. */
  #drop(tables: Tables, id: JobId): boolean {
    const claim = tables.claims.get(id);
    if (claim !== undefined && claim !== this.#options.runId) return false;
    dropUnfinished(tables, id);
    return true;
  }

  #giveUp(tables: Tables, id: JobId, held: Held | undefined): void {
    giveUp(tables, id, this.#options.runId);
    if (held?.earlierId !== undefined) giveUp(tables, held.earlierId, this.#options.runId);
  }

  #inOrder(id: JobId, work: (held: Held | undefined) => Promise<void>): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return work(undefined);
    const result = held.last.then(() => work(this.#held.get(id)));
    held.last = result.catch(() => undefined);
    return result;
  }

  #asking(): Claimant {
    return { lease: this.#lease, now: this.#options.now() };
  }

  async #renew(): Promise<void> {
    const lease = { ...this.#lease, renewedAt: this.#options.now() };
    await this.#store.transact((tables) => tables.runs.put(lease.runId, formatLease(lease)));
    this.#lease = lease;
  }

  #sweep(limit: number): Promise<Swept> {
    const now = this.#options.now();
    return sweep({ store: this.#store, files: this.#files, lease: this.#lease, now, limit });
  }
}

/**
 * Whether the bytes of the session are of use. A commit that may have happened is always gone on
 * with: to begin anew would make a second media.
 */
function mayContinue(own: UnfinishedRecord, job: Job, resume: boolean): boolean {
  return own.checkpoint.phase === 'committing' || (resume && haveSameFiles(own.job, job));
}

function haveSameSecrets(one: Session, other: Session): boolean {
  return (
    one.sessionKey === other.sessionKey &&
    one.credentials.secretId === other.credentials.secretId &&
    one.credentials.secretKey === other.credentials.secretKey &&
    one.credentials.token === other.credentials.token
  );
}
