import path from 'node:path';
import type { Readable } from 'node:stream';
import { UsageError, type Problem } from '../core/errors.js';
import type { PlanItem } from '../core/model.js';
import { visible } from '../core/text.js';
import { byContent, type ContentOptions } from './by-content.js';
import { checkInputs } from './check-inputs.js';
import { readCoverSettings } from './cover-settings.js';
import { createCoverFinder } from './covers.js';
import { createDecide } from './decide.js';
import { createExamine } from './examine.js';
import { createExcludes, type Excludes } from './excludes.js';
import { readInputs, type Input } from './inputs.js';
import { createRealDirectory, explain } from './inspect.js';
import { readJobList, type JobList } from './job-list.js';
import { checkMediaOptions, type MediaOptions } from './limits.js';
import { assertOneReader, nameOfList, readAll, readLists, type PathList } from './lists.js';
import { mapAhead } from './map-ahead.js';
import { extensionOf, isImageType, isMediaType, isPlaylistType } from './media-types.js';
import { createWarnings } from './warnings.js';
import { inOrder, type Order } from './order.js';
import { claimFiles, type Claims } from './playlist.js';
import { threadFs } from './quick-fs.js';
import { survey } from './survey.js';
import type { SearchOptions } from './walk.js';

export type { ContentOptions } from './by-content.js';
export type { MediaOptions } from './limits.js';
export type { Order } from './order.js';

export interface PlanOptions {
  /** Files, directories and globs, as typed. */
  readonly inputs: readonly string[];
  readonly cwd: string;
  readonly stdin: Readable;
  /** A file or `-`: one path a line. */
  readonly filesFrom?: string;
  /** A file or `-`: paths that end with NUL. */
  readonly filesFrom0?: string;
  /** A file or `-`: a job list as CSV, JSON or JSON Lines; a manifest is one. */
  readonly jobs?: string;
  readonly exclude: readonly string[];
  /** Files or `-`: globs, one a line; lines that begin with # are comments. */
  readonly excludeFrom?: readonly string[];
  readonly includeHidden: boolean;
  readonly followSymlinks: boolean;
  /** Where the run itself keeps files: directories and globs pass over these. */
  readonly ownDirectories: readonly string[];
  readonly minAgeMs: number;
  readonly now: Date;
  /** Without it the plan's own: by name, and lists as they are. */
  readonly order?: Order;
  readonly images: 'skip' | 'media';
  /** Without it `auto`, but for the rows of a manifest, whose media keep what they had. */
  readonly covers?: 'auto' | 'off' | 'required';
  readonly cover?: string;
  readonly coverDir?: string;
  readonly media: MediaOptions;
  /** A directory or glob without media is worth no warning. */
  readonly allowEmpty: boolean;
  /** Part of the identity of a source besides the sub-application: which service it goes to. */
  readonly scope: string;
  /** Where content, not path and time, decides what was uploaded before. */
  readonly content?: ContentOptions;
  warn(message: string): void;
  /** Is told those options of a manifest's run that its rows to do lack; none where no row is to do. */
  onRunOptions?(options: Readonly<Record<string, unknown>>): void;
}

const EXAMINED_AHEAD = 24;

/**
 * Checks all that was named, and throws one UsageError with every problem; then finds the jobs while
 * they are taken. Reads only.
 */
export async function planUploads(
  options: PlanOptions,
  signal: AbortSignal,
): Promise<AsyncIterable<PlanItem>> {
  assertOneReader(options);
  const { now, minAgeMs } = options;
  const problems: Problem[] = [];
  const warnings = createWarnings((message) => options.warn(message));
  const warnOfNothing = (message: string): void => {
    if (!options.allowEmpty) options.warn(message);
  };
  const media = checkMediaOptions(options.media, now, problems, (message) => {
    // A row may name the procedure.
    if (options.jobs === undefined) options.warn(message);
  });
  const search = await readSearchOptions(options, problems, signal);
  const coverSettings = await readCoverSettings(options, search.realDirectory, problems);
  const covers = createCoverFinder(coverSettings, search.excludes, search.realDirectory, warnings);
  const onEmptyGlob = (glob: string): void =>
    warnOfNothing(`${visible(glob)} matches nothing to upload`);
  const inputs = await readInputs(options.inputs, search, problems, onEmptyGlob, signal);
  const { mediaType, coverType } = media;
  const images = isImageType(mediaType ?? '') ? 'media' : options.images;
  const { lists, jobList } = await readAllLists(options, mediaType, problems, signal);
  const claimed = await claimNamed(inputs, lists, jobList, search, mediaType);
  const walkOptions = { ...search, mediaType, claimed };
  const examine = createExamine(
    { ...walkOptions, coverType, covers: options.covers, minAgeMs, now },
    covers,
  );
  const onNoMedia = (directory: string): void =>
    warnOfNothing(`there is no media in ${visible(directory)}`);
  const tools = { images, walkOptions, examine, onNoMedia };
  const steps = await checkInputs(inputs, tools, problems, signal);
  if (problems.length > 0) throw new UsageError(problems);

  const listed = jobList === undefined ? lists : [...lists, jobList.rows];
  const coverDir = coverSettings.coverDir?.realPath;
  const found = survey(steps, listed, { walkOptions, coverDir, warnings }, signal);
  const decide = createDecide({ media, scope: options.scope, images, now }, covers, warnings);
  async function* items(): AsyncGenerator<PlanItem, void, undefined> {
    const verdicts = mapAhead(found, EXAMINED_AHEAD, async (one) =>
      'kind' in one ? one : examine(one),
    );
    for await (const verdict of verdicts) {
      signal.throwIfAborted();
      const item = decide(verdict);
      if (item !== undefined) yield item;
    }
    warnings.flush();
  }
  // Inputs are found in that order, and need not all be found before the first.
  const isByName = options.order === 'name' && listed.length === 0;
  return byContent(inOrder(items(), isByName ? undefined : options.order), options.content);
}

async function readSearchOptions(
  options: PlanOptions,
  problems: Problem[],
  signal: AbortSignal,
): Promise<SearchOptions> {
  const { cwd, includeHidden, followSymlinks } = options;
  const excludes = await readExcludes(options, problems, signal);
  const ownDirectories = await Promise.all(
    options.ownDirectories.map((directory) => threadFs.realpath(directory).catch(() => directory)),
  );
  const realDirectory = createRealDirectory();
  return { cwd, excludes, includeHidden, followSymlinks, ownDirectories, realDirectory };
}

async function readAllLists(
  options: PlanOptions,
  mediaType: string | undefined,
  problems: Problem[],
  signal: AbortSignal,
): Promise<{ readonly lists: readonly PathList[]; readonly jobList?: JobList }> {
  const lists = await readLists(options, problems, signal);
  if (options.jobs === undefined) return { lists };
  const warn = (message: string): void => options.warn(message);
  const jobOptions = { ...options, mediaType, flagged: flaggedColumns(options), warn };
  return { lists, jobList: await readJobList(options.jobs, jobOptions, problems, signal) };
}

/** The columns that the flags decide where no row does. */
function flaggedColumns({ media, covers, cover, coverDir }: PlanOptions): ReadonlySet<string> {
  const saysCover = covers === 'off' || (cover ?? coverDir) !== undefined;
  return new Set([...Object.keys(media), ...(saysCover ? ['cover'] : [])]);
}

async function readExcludes(
  options: PlanOptions,
  problems: Problem[],
  signal: AbortSignal,
): Promise<Excludes> {
  const globs = [...options.exclude];
  for (const file of options.excludeFrom ?? []) {
    try {
      const bytes = await readAll(file, options, signal);
      const lines = bytes
        .toString()
        .replace(/^\ufeff/, '')
        .split(/\r?\n/);
      for (const line of lines) if (line.trim() !== '' && !line.startsWith('#')) globs.push(line);
    } catch (error) {
      signal.throwIfAborted();
      const { message } = explain(error, nameOfList(file));
      problems.push({ message, hint: 'Name a file of patterns with --exclude-from.' });
    }
  }
  return createExcludes(globs, options.cwd, problems);
}

/** What the playlists among the named paths carry along, but for those that stay behind themselves. */
async function claimNamed(
  inputs: readonly Input[],
  lists: readonly PathList[],
  jobList: JobList | undefined,
  { cwd, excludes, realDirectory }: SearchOptions,
  mediaType: string | undefined,
): Promise<Claims> {
  const playlists: { absolute: string; type: string }[] = [];
  const take = (shown: string, type: string): void => {
    if (excludes.named(shown, false)) return;
    playlists.push({ absolute: path.resolve(cwd, shown), type });
  };
  const consider = (shown: string, isNamed: boolean): void => {
    const extension = extensionOf(path.basename(shown));
    const type = mediaType ?? extension;
    if (!isPlaylistType(type) || !(isNamed || isMediaType(extension))) return;
    if (!isImageType(extension)) take(shown, type);
  };
  for (const { path: shown, type } of jobList?.playlists ?? []) take(shown, type);
  for (const input of inputs) {
    if (input.kind === 'entry') consider(input.entry.path, input.entry.isNamed);
  }
  for (const list of lists) for (const name of list) consider(name, true);
  return claimFiles(playlists, realDirectory);
}
