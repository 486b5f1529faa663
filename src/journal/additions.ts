import type { JobId } from '../core/ids.js';
import { formatProgress, parseProgress } from './checkpoint-record.js';
import type { CheckpointRecord, ProgressRecord } from './checkpoint-record.js';
import type { Tables } from './tables.js';

/**
 * A checkpoint of many objects is written whole only once; what becomes of some of them is added
 * beside it. Additions count only for the session whose secrets have this tag.
 */
export function putAddition(
  tables: Tables,
  id: JobId,
  tag: string,
  number: number,
  addition: ProgressRecord,
): void {
  tables.additions.put(`${id}/${tag}/${String(number).padStart(9, '0')}`, formatProgress(addition));
}

/** The checkpoint with all that was added to it, and how many additions that were. */
export function withAdditions(
  tables: Tables,
  id: JobId,
  written: CheckpointRecord,
): { readonly checkpoint: CheckpointRecord; readonly additions: number } {
  const added = rowsBelow(tables, `${id}/${written.secrets.tag}`);
  if (added.length === 0) return { checkpoint: written, additions: 0 };
  const objects = new Map(written.objects.map((object) => [object.key, object]));
  let checkpoint = written;
  for (const { value } of added) {
    const addition = parseProgress(value);
    for (const object of addition.objects) objects.set(object.key, object);
    checkpoint = { ...checkpoint, ...addition };
  }
  return {
    checkpoint: { ...checkpoint, objects: [...objects.values()] },
    additions: added.length,
  };
}

export function dropAdditions(tables: Tables, id: JobId): void {
  for (const { key } of rowsBelow(tables, id)) tables.additions.remove(key);
}

function rowsBelow(tables: Tables, prefix: string): { key: string; value: string }[] {
  // The character after the slash is the zero.
  return tables.additions.slice(Infinity, `${prefix}/`, `${prefix}0`);
}
