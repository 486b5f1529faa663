import type { JobId } from '../core/ids.js';
import { unlessDamaged } from './fields.js';
import type { Holder, UnfinishedJob } from './journal.js';
import type { Loaded } from './secrets.js';
import type { Store } from './store.js';
import type { Tables } from './tables.js';
import { readUnfinished } from './unfinished.js';
import type { UnfinishedRecord } from './unfinished.js';

const AT_ONCE = 100;

/** All unfinished jobs, some at a time. Damaged ones are told last, by `journal-unreadable`, or left out. */
export async function* listUnfinished(
  store: Store,
  holderOf: (tables: Tables, id: JobId) => Holder | undefined,
  load: (record: UnfinishedRecord) => Promise<Loaded>,
  damaged: 'told' | 'left',
): AsyncGenerator<UnfinishedJob> {
  let after: string | undefined;
  let firstDamaged: JobId | undefined;
  do {
    const slice = await store.transact((tables) =>
      tables.checkpoints.slice(AT_ONCE, after).map(({ key }) => {
        const id = key as JobId;
        const record = unlessDamaged(() => readUnfinished(tables, id), undefined);
        return { id, record, holder: holderOf(tables, id) };
      }),
    );
    for (const { id, record, holder } of slice) {
      if (record === undefined) {
        firstDamaged ??= id;
        continue;
      }
      const { phase, session, objects, updatedAt } = record.checkpoint;
      // What cannot be read for now is told by whoever takes the job.
      const resumable = await load(record).then(
        ({ isOver }) => !isOver,
        () => true,
      );
      const shown = { job: record.job, phase, session, objects, updatedAt, resumable };
      yield holder === undefined ? shown : { ...shown, holder };
    }
    after = slice.at(-1)?.id;
  } while (after !== undefined);
  if (damaged === 'left' || firstDamaged === undefined) return;
  const id = firstDamaged;
  await store.transact((tables) => readUnfinished(tables, id));
}
