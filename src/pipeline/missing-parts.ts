import type { UploadId } from '../core/ids.js';
import type { JobObject, Part, StoredPart } from '../core/model.js';
import { cut } from '../core/parts.js';
import type { GiveWay, ListedPart, OpenSource } from '../core/ports.js';
import { createPartCutter } from './part-cutter.js';
import { countResumed, countSent, givingWay, STAGE_OF, targetOf, type Sending } from './sending.js';
import { together } from './together.js';

/**
 * Sends every part that the bucket does not hold, each cut when a connection is free for it, and
 * reads the others again to see whether the bucket holds the same bytes: one after the other,
 * while the connections are busy with what is missing.
 */
export async function sendMissing(
  object: JobObject,
  source: OpenSource,
  uploadId: UploadId,
  listed: readonly ListedPart[],
  sending: Sending,
  signal: AbortSignal,
): Promise<StoredPart[]> {
  const { attempt, checkpoint, lane, ports } = sending;
  const target = targetOf(object, checkpoint.session);
  const tell = attempt.onRetry(STAGE_OF[object.role]);
  const inBucket = new Map(listed.map((part) => [part.number, part]));
  const cutter = createPartCutter(object, [...inBucket.keys()], sending);
  let reading: Promise<unknown> = Promise.resolve();

  // After a failure no further part begins, but those under way may end: they are paid for.
  async function send(part: Part, giveWay: GiveWay): Promise<StoredPart> {
    const onRetry = givingWay(tell, giveWay, signal);
    const stored = await ports.cos.putPart(target, uploadId, part, source, onRetry, signal);
    countSent(object, attempt, part.end - part.start);
    return stored;
  }

  async function sendNext(giveWay: GiveWay): Promise<StoredPart | undefined> {
    const part = await cutter.next();
    if (part === undefined) return undefined;
    const startedAt = performance.now();
    const stored = await send(part, giveWay);
    cutter.learn(stored.size / (performance.now() - startedAt));
    return stored;
  }

  async function recognise(part: Part, held: ListedPart, linked: AbortSignal): Promise<StoredPart> {
    const before = reading;
    const recognised = before
      .catch(() => undefined)
      .then(() => ports.cos.recognise(held, part, source, linked));
    reading = recognised;
    const stored = await recognised;
    if (stored === undefined) return lane.run((giveWay) => send(part, giveWay), linked);
    countResumed(object, attempt, part.end - part.start);
    return stored;
  }

  const layout = checkpoint.object(object.key);
  const planned = [...cut(object.file.size, () => layout)];
  const held = planned.flatMap((part) => {
    const listedPart = inBucket.get(part.number);
    return listedPart ? [{ part, listedPart }] : [];
  });
  const turns = planned.length - held.length;
  const stored = await together(
    [
      // Fewer are needed where parts become larger; the last ones then find nothing left.
      ...Array.from({ length: turns }, () => (linked: AbortSignal) => lane.run(sendNext, linked)),
      ...held.map(
        ({ part, listedPart }) =>
          (linked: AbortSignal) =>
            recognise(part, listedPart, linked),
      ),
    ],
    signal,
  );
  return stored.flatMap((part) => part ?? []).sort((a, b) => a.number - b.number);
}
