import { UploadFailure } from '../core/errors.js';
import type { UploadId } from '../core/ids.js';
import type { Part, StoredPart } from '../core/model.js';
import { cut } from '../core/parts.js';
import type { ListedPart, Source } from '../core/ports.js';
import { createPartCutter } from './part-cutter.js';
import type { GiveWay } from './part-slots.js';
import { countResumed, countSent, givingWay, type ObjectSending } from './sending.js';
import { together, type Task } from './together.js';

/** A part that the bucket seems to hold. */
interface HeldPart {
  readonly part: Part;
  readonly listedPart: ListedPart;
}

/**
 * Sends every part that the bucket does not hold, each cut when a connection is free for it, and
 * reads the others again to see whether the bucket holds the same bytes: one after the other,
 * while the connections are busy with what is missing.
 */
export async function sendMissing(
  source: Source,
  uploadId: UploadId,
  listed: readonly ListedPart[],
  sending: ObjectSending,
  signal: AbortSignal,
): Promise<StoredPart[]> {
  const { object, target, checkpoint, progress, ports } = sending;
  const inBucket = new Map(listed.map((part) => [part.number, part]));
  const cutter = createPartCutter([...inBucket.keys()], sending);
  let reading: Promise<unknown> = Promise.resolve();

  async function send(part: Part, giveWay: GiveWay, useful: AbortSignal): Promise<StoredPart> {
    const onRetry = givingWay(sending.onRetry, giveWay, useful);
    const stored = await ports.cos.putPart(target, uploadId, part, source, onRetry, useful);
    countSent(sending, part.end - part.start);
    return stored;
  }

  async function sendNext(giveWay: GiveWay, useful: AbortSignal): Promise<StoredPart | undefined> {
    const part = await cutter.next();
    if (part === undefined) return undefined;
    const startedAt = performance.now();
    const stored = await send(part, giveWay, useful);
    cutter.learn(stored.size / (performance.now() - startedAt));
    return stored;
  }

  const sendInTurn: Task<StoredPart | undefined> = (linked, useful) =>
    ports.slots.run(progress.remaining, (giveWay) => sendNext(giveWay, useful), linked);

  function recognise({ part, listedPart }: HeldPart): Task<StoredPart> {
    return async (linked, useful) => {
      const before = reading;
      const recognised = before
        .catch(() => undefined)
        .then(() => ports.cos.recognise(listedPart, part, source, linked));
      reading = recognised;
      const stored = await recognised;
      if (stored === undefined) {
        const sendAgain = (giveWay: GiveWay) => send(part, giveWay, useful);
        return ports.slots.run(progress.remaining, sendAgain, linked);
      }
      countResumed(sending, part.end - part.start);
      return stored;
    };
  }

  const planned = [...cut(object.file.size, () => checkpoint.object(object.key))];
  const held = heldOf(planned, inBucket);
  const tasks = [
    // Fewer are needed where parts become larger; the last ones then find nothing left.
    ...Array.from({ length: planned.length - held.length }, () => sendInTurn),
    ...held.map(recognise),
  ];
  const stored = await together(tasks, signal, leavesUse);
  return stored.flatMap((part) => part ?? []).sort((a, b) => a.number - b.number);
}

function heldOf(
  planned: readonly Part[],
  inBucket: ReadonlyMap<number, ListedPart>,
): readonly HeldPart[] {
  return planned.flatMap((part) => {
    const listedPart = inBucket.get(part.number);
    return listedPart ? [{ part, listedPart }] : [];
  });
}

/**
 * After a failure no further part begins. Those under way are paid for, and may end where the same upload
 * can go on later.
 */
function leavesUse(failure: unknown): boolean {
  if (!(failure instanceof UploadFailure)) return false;
  const { code, rule } = failure;
  return (
    rule.retryable && rule.halts === 'job' && rule.retry !== 'session' && code !== 'source-changed'
  );
}
