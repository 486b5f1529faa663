import type { PlanItem } from '../core/model.js';
import { jobSize } from '../core/size.js';
import { afterTicks, onAbort } from '../core/waits.js';
import { lookAhead } from './look-ahead.js';
import type { Ports } from './ports.js';

/** Files planned ahead of the job that begins next: enough for honest totals, little memory. */
const LOOK_AHEAD = 4_000;
/** Two minutes: a dead disk is known to be one after the first. */
const TICKS = 24;
const TICK_MS = 5000;

/**
 * What the plan says, which is told as it is read. It is given up as soon as `leave` aborts, and where it is
 * listened to for two minutes and says nothing once `stop` has aborted, of which `onSilence` hears.
 */
export async function* readPlan(
  plan: AsyncIterable<PlanItem>,
  { emit }: Ports,
  stop: AbortSignal,
  leave: AbortSignal,
  onSilence: () => void,
): AsyncGenerator<PlanItem, void, undefined> {
  const silence = new AbortController();
  let isListening = true;
  let callOff = (): void => undefined;
  function count(): void {
    if (!isListening || !stop.aborted) return;
    callOff = afterTicks(TICKS, TICK_MS, () => silence.abort(new Error('the plan says nothing')));
  }
  function heard(): void {
    isListening = false;
    callOff();
  }
  onAbort(stop, count);
  count();
  const items = lookAhead(
    plan,
    LOOK_AHEAD,
    filesOf,
    (item) => {
      if (item.status === 'planned') emit({ type: 'job-planned', size: jobSize(item.job) });
    },
    () => emit({ type: 'plan-finished' }),
    AbortSignal.any([leave, silence.signal]),
  );
  try {
    for await (const item of items) {
      heard();
      yield item;
      isListening = true;
      count();
    }
  } finally {
    heard();
  }
  if (!silence.signal.aborted) return;
  onSilence();
  const message =
    'the plan has said nothing for two minutes: what it had not named is not on record';
  emit({ type: 'warning', message });
}

/** What has no job costs as much memory as one file. */
function filesOf(item: PlanItem): number {
  if (item.status !== 'planned') return 1;
  const { cover, segments } = item.job;
  return 1 + (cover === undefined ? 0 : 1) + segments.length;
}
