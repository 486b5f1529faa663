import type { Problem, UploadFailure } from '../core/errors.js';
import { visible } from '../core/text.js';

/** The same words for a problem as for a failure. */
export function problemOf(failure: UploadFailure): Problem {
  return { message: failure.message, hint: failure.hint };
}

export function emptyProblem(shown: string): Problem {
  return {
    message: `cannot upload ${visible(shown)}: it is empty`,
    hint: 'Leave it out, or put the media in its place.',
  };
}

export function temporaryProblem(shown: string): Problem {
  return {
    message: `cannot upload ${visible(shown)}: its name is that of an unfinished file`,
    hint: 'Wait until it is complete and has its own name.',
  };
}
