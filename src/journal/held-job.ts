import { UploadFailure } from '../core/errors.js';
import type { JobId, SessionKey } from '../core/ids.js';
import type { Checkpoint, Job, ObjectCheckpoint, Receipt, Session } from '../core/model.js';
import type { Claim, Replaced } from '../core/ports.js';
import { dropAdditions, putAddition } from './additions.js';
import { formatCheckpoint } from './checkpoint-record.js';
import { giveUp } from './claims.js';
import type { Taken } from './claims.js';
import type { Moment } from './expiry.js';
import { formatJob } from './job-record.js';
import { changedOptions, keptOptions } from './kept-options.js';
import type { ClaimKeys } from './keys.js';
import { enter } from './ledger.js';
import type { Loaded } from './secrets.js';
import type { SecretsPlace, SessionFiles } from './session-files.js';
import type { Store } from './store.js';
import type { Tables } from './tables.js';
import { begunAs, dropIfOurs } from './unfinished.js';
import type { UnfinishedRecord } from './unfinished.js';

/** Up to so many objects a checkpoint is written whole each time, which leaves nothing to put together. */
const WRITTEN_WHOLE = 64;

/** Where a run writes what it knows of its jobs, and as whose. */
export interface JournalContext {
  readonly store: Store;
  readonly files: SessionFiles;
  readonly runId: string;
  moment(): Moment;
}

/** A job that this run has claimed. Calls take effect in the order in which they were made. */
export class HeldJob {
  readonly #context: JournalContext;
  readonly #claimed: Job;
  readonly #keys: ClaimKeys;
  /** Claimed along: an earlier state of the same file. */
  readonly #earlierId: JobId | undefined;
  /** The claimed job as its session was begun. */
  #job: Job;
  /** The session that is gone on with, and where its secrets are. */
  #secrets: { readonly place: SecretsPlace; readonly sessionKey: SessionKey } | undefined;
  /** Where the secrets of the checkpoint in the database are, whether it is gone on with or not. */
  #recorded: SecretsPlace | undefined;
  /** How much was added to that checkpoint since it was written whole. */
  #additions: number;
  /** Whether the database knows the job, not only the claim. */
  #isRecorded = false;
  /** Settles with the last thing that was asked for; never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    context: JournalContext,
    job: Job,
    keys: ClaimKeys,
    { own, earlier }: Extract<Taken, { kind: 'taken' }>,
  ) {
    this.#context = context;
    this.#claimed = job;
    this.#job = job;
    this.#keys = keys;
    this.#earlierId = earlier?.job.id;
    this.#recorded = own?.checkpoint.secrets;
    this.#additions = own?.additions ?? 0;
  }

  /** Goes on with what is unfinished of the job. */
  goOnWith(own: UnfinishedRecord, { place, checkpoint }: Loaded): Claim {
    const { request } = this.#claimed;
    const { sessionKey } = checkpoint.session;
    const begun = begunAs(own, this.#claimed);
    this.#job = begun;
    this.#secrets = sessionKey && { place, sessionKey };
    const changed = changedOptions(keptOptions(begun.request), keptOptions(request));
    return { kind: 'ours', changedOptions: changed, checkpoint, begun };
  }

  remember(checkpoint: Checkpoint, changed?: readonly ObjectCheckpoint[]): Promise<void> {
    return this.#inOrder(async () => {
      const { session, objects, phase } = checkpoint;
      const place = await this.#keepSecrets(session);
      const { now, offsetMs } = this.#context.moment();
      const progress = { objects, phase, updatedAt: now, clockOffsetMs: offsetMs };
      if (changed !== undefined && this.#isRecorded && objects.length > WRITTEN_WHOLE) {
        const addition = { ...progress, objects: changed };
        await this.#writeIfOurs((tables) =>
          putAddition(tables, this.#claimed.id, place.tag, this.#additions, addition),
        );
        this.#additions += 1;
        return;
      }
      await this.#writeIfOurs((tables) => {
        const { id } = this.#claimed;
        tables.checkpoints.put(id, formatCheckpoint(session, place, progress));
        if (this.#additions > 0) dropAdditions(tables, id);
        if (this.#isRecorded) return;
        tables.jobs.put(id, formatJob(this.#job));
        tables.sources.put(this.#keys.sourceKey, id);
      });
      this.#additions = 0;
      this.#isRecorded = true;
      const before = this.#recorded;
      this.#recorded = place;
      if (before?.tag !== place.tag) this.#erase(before);
    });
  }

  settle(receipt: Receipt): Promise<Replaced | undefined> {
    return this.#inOrder(async () => {
      const { store, moment } = this.#context;
      const { replaced, left } = await store.transact((tables) => {
        const place = this.#drop(tables);
        const entered = enter(tables, this.#job, receipt, moment().now);
        this.giveUp(tables);
        return { replaced: entered, left: place };
      });
      this.#erase(left);
      return replaced;
    });
  }

  forget(): Promise<void> {
    return this.#inOrder(async () => {
      this.#erase(await this.#context.store.transact((tables) => this.#drop(tables)));
      this.#secrets = undefined;
      this.#recorded = undefined;
      this.#additions = 0;
    });
  }

  release(): Promise<void> {
    return this.#inOrder(async () => {
      await this.#context.store.transact((tables) => this.giveUp(tables));
      const place = this.#secrets?.place;
      if (place?.tag !== this.#recorded?.tag) this.#erase(place);
    });
  }

  /** Gives up what this run has claimed with the job, unless another has taken it over. */
  giveUp(tables: Tables): void {
    for (const key of [this.#claimed.id, this.#earlierId, this.#keys.contentKey]) {
      if (key !== undefined) giveUp(tables, key, this.#context.runId);
    }
  }

  /** Resolves once all that was asked for has ended, one way or the other. */
  async ended(): Promise<void> {
    await this.#last;
  }

  /** Writes the secrets of a session that are not on disk yet; they come before the checkpoint. */
  async #keepSecrets({ sessionKey, credentials }: Session): Promise<SecretsPlace> {
    const { id } = this.#claimed;
    if (sessionKey === undefined) throw new Error(`the session of job ${id} has no key`);
    if (this.#secrets?.sessionKey === sessionKey) return this.#secrets.place;
    this.#job = this.#claimed;
    this.#isRecorded = false;
    const secrets = { sessionKey, ...(credentials && { credentials }) };
    const place = await this.#context.files.write(id, secrets);
    this.#secrets = { place, sessionKey };
    return place;
  }

  /** A run that stood still for long may have lost its claim, and must not commit a second media. */
  async #writeIfOurs(write: (tables: Tables) => void): Promise<void> {
    const { store, runId } = this.#context;
    const isOurs = await store.transact((tables) => {
      if (tables.claims.get(this.#claimed.id) !== runId) return false;
      write(tables);
      return true;
    });
    if (isOurs) return;
    throw new UploadFailure(
      'journal-unwritable',
      `another run has taken over ${this.#job.media.path}, since this one stood still`,
      { hint: 'Run the same command again.' },
    );
  }

  #drop(tables: Tables): SecretsPlace | undefined {
    return dropIfOurs(tables, this.#claimed.id, this.#context.runId, {
      sourceKey: this.#keys.sourceKey,
      additions: this.#additions,
      secrets: this.#recorded,
    });
  }

  #erase(place: SecretsPlace | undefined): void {
    if (place !== undefined) this.#context.files.erase(place);
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
