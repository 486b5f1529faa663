import pLimit from 'p-limit';
import { UploadFailure } from '../core/errors.js';
import type { Checkpoint, Effort, Job, Outcome, Receipt } from '../core/model.js';
import type { Claim, Committed } from '../core/ports.js';
import { filesOf } from '../core/size.js';
import { abandon, leaveSuperseded } from './abandon.js';
import { NotAdmitted } from './admission.js';
import { firstCheckpoint, keepCheckpoint, objectsOf, type LiveCheckpoint } from './checkpoint.js';
import { commit } from './commit.js';
import { begunJob, isAboutCover, withItsCover, withoutCover } from './dropped-cover.js';
import { createJobProgress, type JobProgress } from './job-progress.js';
import { note, warn } from './messages.js';
import type { Ports } from './ports.js';
import { sendObject } from './send-object.js';
import type { JobUpload } from './sending.js';
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
  let progress: JobProgress | undefined;
  try {
    signal.throwIfAborted();
    const claim = withItsCover(job, await ports.journal.claim(job), ports);
    if (claim.kind !== 'held') warnOfChanges(job, claim, ports);
    if (claim.kind !== 'ours') {
      const skipped = { status: 'skipped', path, job, ...(before && { effort: before }) } as const;
      if (claim.kind === 'held') return { ...skipped, reason: 'held-by-other-run' };
      const { receipt, was } = claim;
      return { ...skipped, reason: 'already-uploaded', receipt, was };
    }
    await ports.admit?.(job, claim.checkpoint !== undefined, signal);
    progress = createJobProgress(job, ports.emit, ports.localNow, before);
    const receipt = await uploadClaimed(job, claim, progress, ports, signal);
    return { status: 'uploaded', path, job: progress.job, receipt, effort: progress.effort() };
  } catch (error) {
    await ports.journal.release(job.id).catch(() => undefined);
    const spent = progress?.effort() ?? before;
    const effort = spent && { effort: spent };
    if (isInterruption(error, signal)) return { status: 'interrupted', path, job, ...effort };
    if (!(error instanceof UploadFailure)) throw error;
    if (error.code !== 'commit-unknown') {
      const failure = orFinal(error, ports);
      return { status: 'failed', path, job, failure, ...effort };
    }
    return { status: 'unknown', path, job: progress?.job ?? job, failure: error, ...effort };
  }
}

function isInterruption(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || error instanceof NotAdmitted;
}

/** What has changed is given up, and jobs resume does not find it again: only an upload plans it anew. */
function orFinal(failure: UploadFailure, { finishes }: Ports): UploadFailure {
  if (!finishes || failure.code !== 'source-changed') return failure;
  const hint = 'Upload the file as it is now: vod-upload <path>.';
  return failure.with({ hint, isFinal: true });
}

/** Neither options nor covers nor segments are part of a source's identity: it is not uploaded twice for others. */
function warnOfChanges(job: Job, claim: Exclude<Claim, { kind: 'held' }>, ports: Ports): void {
  const { kind, changedOptions } = claim;
  if (kind === 'uploaded' && claim.begunAnew) {
    // What may be a media already cannot be given up.
    const orAbort = claim.begunAnew === 'committing' ? '' : ', vod-upload jobs abort gives it up';
    const commands = `vod-upload jobs resume ends it as a media of its own${orAbort}`;
    warn(ports, job, `was uploaded, and another upload of it is unfinished: ${commands}`);
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

/** Leaves in `progress` the job as it was uploaded: with what it was begun with, or without its cover. */
async function uploadClaimed(
  planned: Job,
  claim: Extract<Claim, { kind: 'ours' }>,
  progress: JobProgress,
  ports: Ports,
  signal: AbortSignal,
): Promise<Receipt> {
  let wanted = planned;
  if (claim.superseded) await leaveSuperseded(planned, claim.superseded, ports, signal);
  let recalled = claim.checkpoint;
  let job = begunJob(planned, claim);
  for (let sessions = 1; ;) {
    progress.job = job;
    const isRecalled = recalled !== undefined;
    let checkpoint: LiveCheckpoint | undefined;
    try {
      const initial = recalled ?? (await begin(progress, ports, signal));
      checkpoint = keepCheckpoint(job, initial, ports.journal);
      return await finish({ progress, checkpoint, isRecalled, ports }, signal);
    } catch (error) {
      await checkpoint?.written();
      if (!(error instanceof UploadFailure) || signal.aborted) throw error;
      const remedy = remedyFor(error, sessions, progress, ports);
      const left = checkpoint && { job, checkpoint: checkpoint.current };
      if (left && isUseless(error, remedy, left.checkpoint)) {
        await abandon(left, remedy !== undefined, ports, signal);
      }
      if (remedy === undefined) throw error;
      if (remedy === 'new-session') sessions += 1;
      else wanted = withoutCover(wanted);
      recalled = undefined;
      job = wanted;
      // What is under way neither waits behind others nor ends at a limit.
      await ports.admit?.(job, true, signal);
      progress.restart();
    }
  }
}

type Remedy = 'new-session' | 'no-cover';

/** What may help after a session has failed, which is told; undefined where nothing does. */
function remedyFor(
  error: UploadFailure,
  sessions: number,
  progress: JobProgress,
  ports: Ports,
): Remedy | undefined {
  const isBegun = error.facts.stage !== 'apply';
  if (isBegun && error.rule.retry === 'session' && sessions < SESSIONS) {
    warn(ports, progress.job, `begins anew, ${error.code}: what was sent is sent again`);
    return 'new-session';
  }
  if (ports.dropsCovers && isAboutCover(error, progress)) {
    warn(ports, progress.job, `is uploaded without its cover: ${error.message}`);
    return 'no-cover';
  }
  return undefined;
}

/** Nobody can use what was stored for a session that is begun anew, or of a file that is another one now. */
function isUseless(
  { code }: UploadFailure,
  remedy: Remedy | undefined,
  { phase }: Checkpoint,
): boolean {
  return remedy !== undefined || (code === 'source-changed' && phase !== 'committing');
}

/** Asks for a session and writes it down before anything depends on it. */
async function begin(
  { job, onRetry }: JobProgress,
  ports: Ports,
  signal: AbortSignal,
): Promise<Checkpoint> {
  try {
    await assertUnchanged(job, ports, signal);
    const session = await ports.vod.applyUpload(job.request, onRetry('apply'), signal);
    const checkpoint = firstCheckpoint(job, session, ports.partSize);
    await ports.journal.remember(job.id, checkpoint);
    return checkpoint;
  } catch (error) {
    throw error instanceof UploadFailure ? error.at('apply') : error;
  }
}

/** From wherever the checkpoint stands to the receipt. */
async function finish(upload: JobUpload, signal: AbortSignal): Promise<Receipt> {
  const { progress, checkpoint, isRecalled, ports } = upload;
  const { job } = progress;
  const wasCommitting = checkpoint.current.phase === 'committing';
  if (!wasCommitting) {
    if (isRecalled) {
      note(ports, job, 'goes on with its unfinished upload');
      // Nobody may have looked at its cover and segments since.
      await assertUnchanged(job, ports, signal);
    }
    await sendAll(upload, signal);
    await assertUnchanged(job, ports, signal);
    await checkpoint.enter('committing');
  } else {
    progress.resumed(progress.remaining());
    note(ports, job, 'was sent whole before: what is left is its commit');
  }
  const committed = await commit(upload, wasCommitting, signal);
  const receipt = toReceipt(job, checkpoint, committed);
  const replaced = await ports.journal.settle(job, receipt);
  if (replaced) {
    const other = `${replaced.source} (${replaced.fileId})`;
    const { path: place } = receipt.storage;
    warn(ports, job, `has replaced the media of ${other}: both have the storage path ${place}`);
  }
  return receipt;
}

async function sendAll(upload: JobUpload, signal: AbortSignal): Promise<void> {
  const objects = objectsOf(upload.progress.job, upload.checkpoint.session);
  const inTurn = pLimit(OBJECTS_AT_ONCE);
  await together(
    objects.map((object) => (linked) => inTurn(() => sendObject(object, upload, linked))),
    signal,
  );
}

/** A look at every file of the job: none may have changed since the plan. What a cover fails by tells so. */
async function assertUnchanged(job: Job, { sourceOf }: Ports, signal: AbortSignal): Promise<void> {
  for (const file of filesOf(job)) {
    try {
      await sourceOf(file).assertUnchanged(signal);
    } catch (error) {
      const isOfCover = file === job.cover && error instanceof UploadFailure;
      throw isOfCover ? error.at('upload-cover') : error;
    }
  }
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
