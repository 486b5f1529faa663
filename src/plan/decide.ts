import type { Extra, Failed, PlanItem, Skipped, SkipReason, SourceFile } from '../core/model.js';
import type { CoverFinder } from './covers.js';
import type { Verdict } from './examine.js';
import type { Row } from './job-row.js';
import { createJob, type JobSettings, type Media } from './job.js';
import type { Warnings } from './warnings.js';
import { createPathSet } from './path-set.js';
import { createPlaces } from './places.js';

export interface DecideSettings extends JobSettings {
  readonly images: 'skip' | 'media';
  readonly now: Date;
}

/**
 * Turns verdicts, in the order of the plan, into plan items; undefined for what needs no record of its
 * own. Remembers what came before: each real path becomes one job, and what went with another no job; why
 * one becomes none is told once, but for the rows of a job list, which may differ.
 */
export function createDecide(
  settings: DecideSettings,
  covers: CoverFinder,
  warnings: Warnings,
): (verdict: Verdict) => PlanItem | undefined {
  const seen = createPathSet();
  const isTold = createIsTold();
  const usedCovers = createPathSet();
  const takePlaces = createPlaces();
  let index = 0;

  /** One path may be uploaded to several sub-applications, and to each once. */
  function inSubApp(path: string, row: Row | undefined): string {
    return `${row?.media.subAppId ?? settings.media.subAppId ?? ''}:${path}`;
  }

  function decideMedia(media: Media, absolute: string, row: Row | undefined): PlanItem {
    const { file } = media;
    if (seen.has(inSubApp(file.realPath, row))) return skipped(file, 'duplicate');
    index += 1;
    const facts = { path: file.path, absolute, index, now: settings.now };
    const job = createJob(media, row, facts, settings, warnings);
    const failure = takePlaces(job, row?.media.subAppId ?? settings.media.subAppId);
    if (failure !== undefined) return { status: 'failed', path: file.path, failure };
    for (const one of [file, ...media.segments]) seen.add(inSubApp(one.realPath, row));
    return { status: 'planned', job };
  }

  function decideImage(verdict: Extract<Verdict, { kind: 'image' }>): PlanItem | undefined {
    const { media, absolute, isYoung, row } = verdict;
    const { file } = media;
    if (usedCovers.has(file.realPath) || covers.isGiven(absolute)) return undefined;
    if (settings.images === 'media' || row?.media.mediaType !== undefined) {
      return isYoung ? skipped(file, 'too-young') : decideMedia(media, absolute, row);
    }
    return skipped(file, 'unpaired-image');
  }

  function decideOne(verdict: Verdict): PlanItem | undefined {
    switch (verdict.kind) {
      case 'ignored':
        return undefined;
      case 'failed':
        return { status: 'failed', path: verdict.path, failure: verdict.failure };
      case 'skipped':
        return skipped(verdict.file, verdict.reason);
      case 'image':
        return decideImage(verdict);
      case 'media':
        return decideMedia(verdict.media, verdict.absolute, verdict.row);
    }
  }

  return (verdict) => {
    const { cover, row } = verdict;
    if (cover !== undefined) usedCovers.add(cover.realPath);
    const item = decideOne(verdict);
    if (item === undefined || item.status === 'planned') return item;
    const own = isTold(item, verdict) ? duplicateOf(item) : item;
    return withExtra(own, row?.extra);
  };
}

/** Whether the same was said of the same file before; each row of a job list is told. */
function createIsTold(): (item: Skipped | Failed, verdict: Verdict) => boolean {
  const told = createPathSet();
  return (item, verdict) => {
    const realPath = realPathOf(verdict);
    if (verdict.row !== undefined || realPath === undefined) return false;
    const reason = item.status === 'skipped' ? item.reason : item.failure.code;
    return !told.add(`${item.status}:${reason}:${realPath}`);
  };
}

function realPathOf(verdict: Verdict): string | undefined {
  switch (verdict.kind) {
    case 'ignored':
      return undefined;
    case 'failed':
      return verdict.realPath;
    case 'skipped':
      return verdict.file.realPath;
    case 'image':
    case 'media':
      return verdict.media.file.realPath;
  }
}

function duplicateOf(item: Skipped | Failed): Skipped {
  const facts = item.status === 'skipped' ? item : { path: item.path };
  return { ...facts, status: 'skipped', reason: 'duplicate' };
}

/** What a job list says of a path that becomes no job; it comes back all the same. */
export function withExtra(item: Skipped | Failed, extra: Extra | undefined): PlanItem {
  return extra === undefined ? item : { ...item, extra };
}

/** The record of a file that is left out. */
export function skipped({ path, size, mtimeNs }: SourceFile, reason: SkipReason): Skipped {
  return { status: 'skipped', path, size, mtimeNs, reason };
}
