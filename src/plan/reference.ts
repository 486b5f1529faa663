/** One file that a playlist names, as it names it. */
export interface Reference {
  readonly uri: string;
  readonly isPlaylist: boolean;
}

/** Of one playlist and those within it, also to the same file: a template may stand for any number. */
const MAX_REFERENCES = 1_000_000;

export class TooManyReferences extends RangeError {
  constructor() {
    super(`it has more than ${MAX_REFERENCES} references to files`);
  }
}

/** Throws TooManyReferences. */
export function assertBearable(references: number | bigint): void {
  if (references > MAX_REFERENCES) throw new TooManyReferences();
}
