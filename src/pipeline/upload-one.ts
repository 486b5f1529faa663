import pLimit from 'p-limit';
import { UploadFailure, type FailureCode } from '../core/errors.js';
import type { Checkpoint, Effort, Job, Outcome, Receipt } from '../core/model.js';
import type { Claim, Committed, Superseded } from '../core/ports.js';
import { filesOf } from '../core/size.js';
import { abortEach } from './abort-each.js';
import { createAttempt, type Attempt } from './attempt.js';
import { firstCheckpoint, keepCheckpoint, objectsOf, type LiveCheckpoint } from './checkpoint.js';
import { commit } from './commit.js';
import { note, warn } from './messages.js';
import type { Ports } from './ports.js';
import { sendObject } from './send-object.js';
import { together } from './together.js';

/** Sessions of one try: one that cannot be used any more is replaced. */
const SESSIONS = 2;
/** Of the segments of a playlist so many are begun at once: some more than there may be connections by themselves. */
const OBJECTS_AT_ONCE = 80;

/**
 * Takes one media from disk to a receipt, going on from the journal where it can. `before`: what an
 * earlier try of this run has cost. Throws what is a bug, and nothing else.
 */
export async function uploadOne(
  job: Job,
  ports: Ports,
  signal: AbortSignal,
  before?: Effort,
): Promise<Outcome> {
  const path = job.media.path;
  let attempt: Attempt | undefined;
  try {
    signal.throwIfAborted();
    const claim = await ports.journal.claim(job);
    if (claim.kind !== 'held') warnOfChanges(job, claim, ports);
    if (claim.kind !== 'ours') {
      const skipped = { status: 'skipped', path, job, ...(before && { effort: before }) } as const;
      if (claim.kind === 'held') return { ...skipped, reason: 'held-by-other-run' };
      const { receipt, was } = claim;
      return { ...skipped, reason: 'already-uploaded', receipt, was };
    }
    attempt = createAttempt(job, ports.emit, ports.localNow, before);
    const receipt = await uploadClaimed(job, claim, attempt, ports, signal);
    return { status: 'uploaded', path, job: attempt.job, receipt, effort: attempt.effort() };
  } catch (error) {
    await ports.journal.release(job.id).catch(() => undefined);
    const spent = attempt?.effort() ?? before;
    const effort = spent && { effort: spent };
    if (signal.aborted) return { status: 'interrupted', path, job, ...effort };
    if (!(error instanceof UploadFailure)) throw error;
    if (error.code !== 'commit-unknown') {
      const failure = orFinal(error, ports);
      return { status: 'failed', path, job, failure, ...effort };
    }
    return { status: 'unknown', path, job: attempt?.job ?? job, failure: error, ...effort };
  }
}

/** What has changed is given up, and jobs resume does not find it again: only an upload plans it anew. */
function orFinal(failure: UploadFailure, { finishes }: Ports): UploadFailure {
  const { code, message, facts } = failure;
  if (!finishes || code !== 'source-changed') return failure;
  const hint = 'Upload the file as it is now: vod-upload <path>.';
  return new UploadFailure(code, message, { ...facts, hint, isFinal: true });
}

/** Neither options nor covers nor segments are part of a source's identity: it is not uploaded twice for others. */
function warnOfChanges(job: Job, claim: Exclude<Claim, { kind: 'held' }>, ports: Ports): void {
  const { kind, changedOptions } = claim;
  if (kind === 'uploaded' && claim.begunAnew) {
    // What may be a media already cannot be given up.
    const orAbort = claim.begunAnew === 'committing' ? '' : ', vod-upload jobs abort gives it up';
    const commands = `vod-upload jobs resume ends it${orAbort}`;
    warn(ports, job, `was uploaded, and what --force began of it is unfinished: ${commands}`);
  }
  if (changedOptions.length === 0) return;
  const mayBeCommitted = kind === 'ours' && claim.checkpoint?.phase === 'committing';
  const remedy =
    kind === 'uploaded'
      ? '--force uploads it again'
      : mayBeCommitted
        ? 'the media may exist, and that is found out first'
        : 'what was begun goes on as it was; --no-resume begins anew';
  const was = kind === 'uploaded' ? 'was uploaded' : 'was begun';
  const options = changedOptions.filter((name) => name !== 'segments');
  const others = [
    ...(changedOptions.includes('segments') ? ['other segments'] : []),
    ...(options.length > 0 ? [`other options (${options.join(', ')})`] : []),
  ];
  warn(ports, job, `${was} with ${others.join(' and ')}: ${remedy}`);
}

/** Leaves in the attempt the job as it was uploaded: with what it was begun with, or without its cover. */
async function uploadClaimed(
  planned: Job,
  claim: Extract<Claim, { kind: 'ours' }>,
  attempt: Attempt,
  ports: Ports,
  signal: AbortSignal,
): Promise<Receipt> {
  let wanted = planned;
  if (claim.superseded) await leaveSuperseded(planned, claim.superseded, ports, signal);
  let recalled = claim.checkpoint;
  let job = claim.begun ?? planned;
  // A session that was begun without a cover has no place for one.
  if (recalled && recalled.session.coverKey === undefined) job = withoutCover(job);
  for (let round = 1; ;) {
    attempt.job = job;
    const checkpoint = recalled ?? (await begin(job, attempt, ports, signal));
    const live = keepCheckpoint(job, checkpoint, ports.journal);
    try {
      const isRecalled = recalled !== undefined;
      return await finish(job, live, isRecalled, attempt, ports, signal);
    } catch (error) {
      await live.written();
      if (!(error instanceof UploadFailure) || signal.aborted) throw error;
      if (error.rule.retry === 'session' && round < SESSIONS) {
        warn(ports, job, `begins anew, ${error.code}: what was sent is sent again`);
        round += 1;
      } else if (ports.dropsCovers && isAboutCover(error, attempt)) {
        warn(ports, job, `is uploaded anew without its cover: ${error.message}`);
        wanted = withoutCover(wanted);
      } else {
        if (error.code === 'source-changed') await dropChanged(job, live, ports, signal);
        throw error;
      }
      await abandon(job, { id: job.id, checkpoint: live.current }, ports, signal);
      recalled = undefined;
      job = wanted;
      attempt.restart();
    }
  }
}

/** A network, a busy service or a machine in trouble, and a session that is over, say nothing about the cover. */
const NOT_ABOUT_COVER: ReadonlySet<FailureCode> = new Set([
  'network',
  'not-the-service',
  'session-expired',
  'stalled',
  'throttled',
  'too-many-open-files',
]);

/** A service that fails may do so for a moment: that counts at the second try, at the end of the run. */
function isAboutCover({ code, facts, rule }: UploadFailure, { isSecond }: Attempt): boolean {
  if (facts.stage !== 'upload-cover' || rule.halts === 'run') return false;
  return code === 'service-unavailable' ? isSecond : !NOT_ABOUT_COVER.has(code);
}

const REASONS: Readonly<Record<Superseded['reason'], string>> = {
  'other-media': 'has changed',
  'other-files': 'has another cover, other segments or other content',
  'no-resume': 'is begun anew, --no-resume',
};

/** What was begun before is given up, unless it may be a media already, of an earlier state of the file. */
async function leaveSuperseded(
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
  await abandon(job, superseded, ports, signal);
}

function withoutCover({
  cover: _cover,
  request: { coverType: _coverType, ...request },
  ...job
}: Job): Job {
  return { ...job, request };
}

/** No later run can use what was stored of a file that is another one now. */
async function dropChanged(
  job: Job,
  { current }: LiveCheckpoint,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  if (current.phase === 'committing') return;
  await abandon(job, { id: job.id, checkpoint: current }, ports, signal);
}

/** Asks for a session and writes it down before anything depends on it. */
async function begin(
  job: Job,
  attempt: Attempt,
  ports: Ports,
  signal: AbortSignal,
): Promise<Checkpoint> {
  try {
    await assertUnchanged(job, ports, signal);
    const session = await ports.vod.applyUpload(job.request, attempt.onRetry('apply'), signal);
    const checkpoint = firstCheckpoint(job, session, ports.partSize);
    await ports.journal.remember(job.id, checkpoint);
    return checkpoint;
  } catch (error) {
    throw error instanceof UploadFailure ? error.at('apply') : error;
  }
}

/** From wherever the checkpoint stands to the receipt. */
async function finish(
  job: Job,
  checkpoint: LiveCheckpoint,
  isRecalled: boolean,
  attempt: Attempt,
  ports: Ports,
  signal: AbortSignal,
): Promise<Receipt> {
  const wasCommitting = checkpoint.current.phase === 'committing';
  if (!wasCommitting) {
    if (isRecalled) {
      note(ports, job, 'goes on with its unfinished upload');
      // Nobody may have looked at its cover and segments since.
      await assertUnchanged(job, ports, signal);
    }
    await sendAll(job, checkpoint, isRecalled, attempt, ports, signal);
    await assertUnchanged(job, ports, signal);
    await checkpoint.enter('committing');
  } else {
    attempt.resumed(attempt.remaining());
    note(ports, job, 'was sent whole before: only its commit is repeated');
  }
  const committed = await commit(checkpoint, wasCommitting, attempt, ports, signal);
  const receipt = toReceipt(job, checkpoint, committed);
  const replaced = await ports.journal.settle(job, receipt);
  if (replaced) {
    const other = `${replaced.source} (${replaced.fileId})`;
    const { path: place } = receipt.storage;
    warn(ports, job, `has replaced the media of ${other}: both have the storage path ${place}`);
  }
  return receipt;
}

async function sendAll(
  job: Job,
  checkpoint: LiveCheckpoint,
  isRecalled: boolean,
  attempt: Attempt,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  const objects = objectsOf(job, checkpoint.session);
  const lane = ports.slots.open(attempt.remaining);
  const sending = { attempt, checkpoint, isRecalled, lane, ports };
  const inTurn = pLimit(OBJECTS_AT_ONCE);
  try {
    await together(
      objects.map((object) => (linked) => inTurn(() => sendObject(object, sending, linked))),
      signal,
    );
  } finally {
    lane.close();
  }
}

/** Gives up a session and forgets it: none of its uploads stays. */
async function abandon(
  job: Job,
  { id, checkpoint }: Pick<Superseded, 'id' | 'checkpoint'>,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  for await (const hindrance of abortEach(job, checkpoint, ports.cos, signal)) {
    const what = 'its unfinished upload could not be aborted and may stay stored';
    warn(ports, job, `${what}: ${hindrance.message}`);
  }
  await ports.journal.forget(id);
}

/** The last look at every file of the job: none may have changed since the plan. */
async function assertUnchanged(job: Job, { sourceOf }: Ports, signal: AbortSignal): Promise<void> {
  for (const file of filesOf(job)) await sourceOf(file).assertUnchanged(signal);
}

function toReceipt(job: Job, checkpoint: LiveCheckpoint, committed: Committed): Receipt {
  const { session } = checkpoint;
  const { fileId, mediaUrl, coverUrl, requestId } = committed;
  const crc64Of = (key: string): string | null => checkpoint.object(key).stored?.crc64 ?? null;
  return {
    fileId,
    mediaUrl,
    coverUrl,
    storage: { bucket: session.bucket, region: session.region, path: `/${session.mediaKey}` },
    crc64: crc64Of(session.mediaKey),
    ...(job.cover && session.coverKey ? { coverCrc64: crc64Of(session.coverKey) } : {}),
    requestIds: { apply: session.requestId || null, commit: requestId || null },
  };
}
