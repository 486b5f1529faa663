import path from 'node:path';
import type { Job, PlanItem } from '../core/model.js';
import { jobSize } from '../core/size.js';

export type Order = 'name' | 'smallest' | 'largest' | 'oldest' | 'mixed';

/** Without an order things stay as the plan finds them; any needs all jobs before the first. */
export async function* inOrder(
  items: AsyncIterable<PlanItem>,
  order: Order | undefined,
): AsyncGenerator<PlanItem, void, undefined> {
  if (order === undefined) {
    yield* items;
    return;
  }
  const jobs: Job[] = [];
  for await (const item of items) {
    if (item.status === 'planned') jobs.push(item.job);
    else yield item;
  }
  for (const job of sorted(jobs, order)) yield { status: 'planned', job };
}

/** Equals stay in the order in which they were found. */
function sorted(jobs: Job[], order: Order): Iterable<Job> {
  switch (order) {
    case 'name':
      return jobs
        .map((job) => ({ job, name: path.normalize(job.media.path) }))
        .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
        .map(({ job }) => job);
    case 'smallest':
      return jobs.sort((a, b) => jobSize(a) - jobSize(b));
    case 'largest':
      return jobs.sort((a, b) => jobSize(b) - jobSize(a));
    case 'oldest':
      return jobs.sort((a, b) => Number(a.media.mtimeNs - b.media.mtimeNs));
    case 'mixed':
      return fromBothEnds(jobs.sort((a, b) => jobSize(b) - jobSize(a)));
  }
}

/** Large and small by turns: the large keep the link full, the small use the API meanwhile. */
function* fromBothEnds(jobs: readonly Job[]): Generator<Job> {
  for (let first = 0, last = jobs.length - 1; first <= last; first++, last--) {
    yield jobs[first] as Job;
    if (first < last) yield jobs[last] as Job;
  }
}
