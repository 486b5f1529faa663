import path from 'node:path';
import { visible } from '../core/text.js';
import type { Entry } from './entry.js';
import type { Verdict } from './examine.js';
import type { NamedDirectory } from './inputs.js';
import { inspectNamed } from './inspect.js';
import type { Row } from './job-row.js';
import type { PathList } from './lists.js';
import { mapAhead } from './map-ahead.js';
import { extensionOf, isImageType } from './media-types.js';
import { walk, type WalkOptions } from './walk.js';
import type { Warnings } from './warnings.js';

/** Something to walk, to look at, or looked at already. */
export type Step = NamedDirectory | Entry | Verdict;

/** Paths of a list, or rows of a job list. */
export type Listed = PathList | AsyncIterable<Row | Entry>;

const LISTED_AHEAD = 24;

export interface SurveyTools {
  readonly walkOptions: WalkOptions;
  /** The real path of `--cover-dir`. */
  readonly coverDir: string | undefined;
  readonly warnings: Warnings;
}

/**
 * All paths of the run in the order of the plan; images that were named, or may be covers of media in
 * other directories, last, when every cover is known.
 */
export async function* survey(
  steps: readonly Step[],
  lists: readonly Listed[],
  tools: SurveyTools,
  signal: AbortSignal,
): AsyncGenerator<Entry | Verdict, void, undefined> {
  const images: (Entry | Verdict)[] = [];
  for (const step of steps) {
    if (!('kind' in step) && !('isNamed' in step)) {
      for await (const entry of walk(step.path, step.absolute, tools.walkOptions, signal)) {
        if (isImage(entry) && (await isInCoverDir(entry, tools))) images.push(entry);
        else yield entry;
      }
    } else if (isImage(step)) {
      images.push(step);
    } else {
      yield step;
    }
  }
  for (const list of lists) {
    for await (const entry of readList(list, tools, signal)) {
      if (isImage(entry)) images.push(entry);
      else yield entry;
    }
  }
  yield* images;
}

function isImage(step: Entry | Verdict): boolean {
  if ('kind' in step) return step.kind === 'image';
  return isImageType(extensionOf(path.basename(step.path)));
}

async function isInCoverDir(
  { absolute }: Entry,
  { coverDir, walkOptions: { realDirectory } }: SurveyTools,
): Promise<boolean> {
  if (coverDir === undefined) return false;
  return (await realDirectory(path.dirname(absolute)).catch(() => undefined)) === coverDir;
}

async function* readList(
  list: Listed,
  { walkOptions, warnings }: SurveyTools,
  signal: AbortSignal,
): AsyncGenerator<Entry, void, undefined> {
  const { cwd, excludes, realDirectory } = walkOptions;
  const look = async (listed: string | Row | Entry): Promise<Entry> => {
    if (typeof listed === 'object' && 'isNamed' in listed) return listed;
    const shown = typeof listed === 'string' ? listed : listed.path;
    const absolute = path.resolve(cwd, shown);
    const inspection = await inspectNamed(shown, absolute, realDirectory);
    const entry = { path: shown, absolute, isNamed: true, inspection } as const;
    return typeof listed === 'string' ? entry : { ...entry, row: listed };
  };
  const inspected = mapAhead<string | Row | Entry, Entry>(list, LISTED_AHEAD, look);
  for await (const entry of inspected) {
    signal.throwIfAborted();
    const { path: shown, absolute, inspection, row } = entry;
    if (inspection?.kind === 'directory' && row?.isUnread !== false) {
      if (excludes.named(shown, true)) continue;
      if (row !== undefined) {
        const message = `${visible(shown)} could not be read by the run of the manifest: all media in it are taken, by this run's --exclude, --include-hidden and --follow-symlinks`;
        warnings.add('directories walked again', message);
      }
      yield* walk(shown, absolute, walkOptions, signal);
    } else if (entry.failure !== undefined || !excludes.named(shown, false)) {
      yield entry;
    }
  }
}
