import { isUtf8 } from 'node:buffer';

/** One row of a job list as its format gives it, before anybody asks what it means. */
export interface RawRow {
  readonly values: Readonly<Record<string, unknown>>;
  /** Counts the rows of the list from 1, without a header. */
  readonly row: number;
  readonly line: number;
}

/** Takes a list piece by piece; gives the rows that have become complete. Throws ListSyntaxError. */
export interface RowReader {
  feed(bytes: Buffer): RawRow[];
  end(): RawRow[];
}

/** The list is not what its format demands, so that nothing behind this place can be trusted. */
export class ListSyntaxError extends Error {
  override readonly name = 'ListSyntaxError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Of one row: what is longer was not closed. */
export const MAX_ROW_SIZE = 1024 * 1024;

export function decode(bytes: Buffer, line: number): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new ListSyntaxError(`line ${line} is not UTF-8`, 'Save the list as UTF-8.');
}
