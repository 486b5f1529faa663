import path from 'node:path';
import type { Problem, UploadFailure } from '../core/errors.js';
import { visible } from '../core/text.js';
import type { Entry } from './entry.js';
import type { Verdict } from './examine.js';
import type { Input, NamedDirectory } from './inputs.js';
import { mapAhead } from './map-ahead.js';
import { extensionOf, isImageType } from './media-types.js';
import type { Step } from './survey.js';
import { walk, type WalkOptions } from './walk.js';

const CHECKED_AHEAD = 24;

export interface CheckTools {
  readonly images: 'skip' | 'media';
  readonly walkOptions: WalkOptions;
  readonly examine: (entry: Entry) => Promise<Verdict>;
  /** Is told of a directory in which nothing is to be uploaded. */
  readonly onNoMedia: (directory: string) => void;
}

/** Looks at every path that was an argument; adds what is wrong with them to `problems`. */
export async function checkInputs(
  inputs: readonly Input[],
  tools: CheckTools,
  problems: Problem[],
  signal: AbortSignal,
): Promise<Step[]> {
  const { walkOptions, examine } = tools;

  async function check(input: Input): Promise<{ step?: Step; problem?: Problem | undefined }> {
    if (input.kind === 'directory') {
      const { directory } = input;
      const problem = await checkDirectory(directory, tools, signal);
      return { step: directory, problem };
    }
    const { entry } = input;
    if (!entry.isNamed) {
      return walkOptions.claimed?.has(entry.absolute) === true ? {} : { step: entry };
    }
    const verdict = await examine(entry);
    return { step: verdict, problem: problemWith(verdict) };
  }

  const steps: Step[] = [];
  for await (const { step, problem } of mapAhead(inputs, CHECKED_AHEAD, check)) {
    signal.throwIfAborted();
    if (problem !== undefined) problems.push(problem);
    if (step !== undefined) steps.push(step);
  }
  return steps;
}

/** What keeps a named file from being uploaded for good is a problem. */
function problemWith(verdict: Verdict): Problem | undefined {
  if (verdict.kind === 'failed') return problemOf(verdict.failure);
  if (verdict.kind !== 'skipped') return undefined;
  const upload = `cannot upload ${visible(verdict.file.path)}`;
  switch (verdict.reason) {
    case 'empty':
      return {
        message: `${upload}: it is empty`,
        hint: 'Leave it out, or put the media in its place.',
      };
    case 'temporary-name':
      return {
        message: `${upload}: its name is that of an unfinished file`,
        hint: 'Wait until it is complete and has its own name.',
      };
    default:
      return undefined;
  }
}

function problemOf({ message, hint }: UploadFailure): Problem {
  return { message, hint };
}

/** Walks until the first media, or what cannot be read. */
async function checkDirectory(
  directory: NamedDirectory,
  { images, walkOptions, onNoMedia }: CheckTools,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  // Where a playlist carries files along, the playlist itself has a record.
  const { claimed, ...everything } = walkOptions;
  if (claimed?.has(`${directory.absolute}/`) === true) return undefined;
  for await (const entry of walk(directory.path, directory.absolute, everything, signal)) {
    if (entry.failure !== undefined) {
      return entry.absolute === directory.absolute ? problemOf(entry.failure) : undefined;
    }
    const isImage = isImageType(extensionOf(path.basename(entry.path)));
    if (!isImage || images === 'media') return undefined;
  }
  onNoMedia(directory.path);
  return undefined;
}
