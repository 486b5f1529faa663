import { visible } from '../core/text.js';
import { decode, ListSyntaxError, MAX_ROW_SIZE, type RawRow, type RowReader } from './raw-rows.js';

const LINE_FEED = 10;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

const KEY_LOOK_BACK = 64;
const ENDS_WITH_KEY_OF_ROWS = /"(?:results|jobs)"\s*:\s*$/;
const HINT =
  'Write an array of objects, an object with such an array as "jobs", or one object a line.';

/**
 * Reads an array of rows, an object without a `path` that holds one as `results` or `jobs`, or rows one
 * after the other (JSON Lines), whose path comes before columns of those names. Cuts the text between rows
 * and has each row parsed on its own, so that memory does not grow with the list; what stands around the rows
 * is parsed with an empty array in their place, and handed to `onAround` at the end of the document.
 */
export function createJsonReader(onAround: (document: unknown) => void): RowReader {
  return new JsonReader(onAround);
}

class JsonReader implements RowReader {
  /** The piece that is being read (a row, or what is around rows) is from `#start`. */
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #at = 0;
  #isText = false;
  #depth = 0;
  /** The depth within the array whose elements are rows; 0 outside of one. */
  #rowsDepth = 0;
  #isFirstRow = true;
  /** The document outside of its rows, where it has an array of them. */
  #around = '';
  #hasRows = false;
  /** Whether the document has a path, so that no array in it is of rows. */
  #hasPath = false;
  /** Whether any of them had an element. */
  #hasTaken = false;
  #line = 1;
  #pieceLine: number | undefined;
  #row = 0;
  #ready: RawRow[] = [];
  readonly #onAround: (document: unknown) => void;

  constructor(onAround: (document: unknown) => void) {
    this.#onAround = onAround;
  }

  feed(more: Buffer): RawRow[] {
    const rest = this.#bytes.subarray(this.#start);
    this.#bytes = rest.length === 0 ? more : Buffer.concat([rest, more]);
    this.#at -= this.#start;
    this.#start = 0;
    this.#scan();
    if (this.#bytes.length - this.#start + this.#around.length > MAX_ROW_SIZE) {
      this.#fail('the row is longer than 1 MiB, or it is not closed');
    }
    return this.#takeReady();
  }

  end(): RawRow[] {
    if (this.#depth > 0) this.#fail('the list ends before this is closed');
    return this.#takeReady();
  }

  #takeReady(): RawRow[] {
    const rows = this.#ready;
    this.#ready = [];
    return rows;
  }

  #scan(): void {
    for (; this.#at < this.#bytes.length; this.#at += 1) {
      if (this.#isText && !this.#skipText()) return;
      const byte = this.#bytes[this.#at] as number;
      if (byte === LINE_FEED) this.#line += 1;
      else if (byte > SPACE) this.#step(byte);
    }
  }

  /** Goes on behind the text's closing quote; false where that is not yet there. */
  #skipText(): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) break;
      else if (byte === LINE_FEED) this.#fail('a text is not closed');
    }
    this.#isText = at >= bytes.length;
    this.#at = this.#isText ? at : at + 1;
    return this.#at < bytes.length;
  }

  /** One byte that is neither white space nor within a text. */
  #step(byte: number): void {
    this.#pieceLine ??= this.#line;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte);
    else if (this.#depth === 0) this.#fail('it is neither an object nor an array');
    else if (byte === QUOTE) this.#isText = true;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#close();
    else if (byte === COMMA) this.#comma();
  }

  #open(byte: number): void {
    const isRows = byte === OPEN_BRACKET && this.#rowsDepth === 0 && this.#mayHoldRows();
    this.#depth += 1;
    if (!isRows) return;
    this.#around += this.#take(this.#at + 1);
    this.#pieceLine = undefined;
    this.#rowsDepth = this.#depth;
    this.#isFirstRow = true;
  }

  /** Whether an array here is the document, or the `results` or `jobs` of it. */
  #mayHoldRows(): boolean {
    if (this.#depth !== 1 || this.#hasPath) return this.#depth === 0;
    const from = Math.max(this.#start, this.#at - KEY_LOOK_BACK);
    if (!ENDS_WITH_KEY_OF_ROWS.test(this.#bytes.toString('latin1', from, this.#at))) return false;
    // Only what was not parsed before: that ended with an array, which is closed in this piece.
    const before = this.#around === '' ? '' : '{"":[';
    this.#hasPath = isRow(this.#parse(`${before}${this.#textTo(this.#at)}[]}`));
    return !this.#hasPath;
  }

  #close(): void {
    this.#depth -= 1;
    if (this.#rowsDepth !== 0 && this.#depth < this.#rowsDepth) {
      const last = this.#take(this.#at);
      if (!this.#isFirstRow || last.trim() !== '') this.#addRow(this.#parse(last));
      this.#rowsDepth = 0;
      this.#hasRows = true;
    }
    if (this.#depth === 0) this.#endDocument();
  }

  #endDocument(): void {
    const values = this.#parse(this.#around + this.#take(this.#at + 1));
    if (!this.#hasRows) this.#addRow(values);
    else if (!isRow(values)) this.#onAround(values);
    else if (!this.#hasTaken) this.#addRow(values);
    else this.#fail('an array before its path was taken for rows: write the path first');
    this.#around = '';
    this.#hasRows = false;
    this.#hasPath = false;
    this.#hasTaken = false;
    this.#pieceLine = undefined;
  }

  #comma(): void {
    if (this.#rowsDepth === 0 || this.#depth !== this.#rowsDepth) return;
    this.#addRow(this.#parse(this.#take(this.#at)));
    this.#start = this.#at + 1;
  }

  #addRow(values: unknown): void {
    const line = this.#pieceLine ?? this.#line;
    this.#row += 1;
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      this.#fail(`row ${this.#row} is not an object`);
    }
    this.#ready.push({ values: values as RawRow['values'], row: this.#row, line });
    this.#pieceLine = undefined;
    this.#isFirstRow = false;
    this.#hasTaken = true;
  }

  /** The text of the piece up to here; what follows is another piece. */
  #take(end: number): string {
    const text = this.#textTo(end);
    this.#start = end;
    return text;
  }

  #textTo(end: number): string {
    return decode(this.#bytes.subarray(this.#start, end), this.#pieceLine ?? this.#line);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      return this.#fail(`it is not JSON: ${visible((error as SyntaxError).message)}`);
    }
  }

  #fail(reason: string): never {
    throw new ListSyntaxError(`line ${this.#pieceLine ?? this.#line}: ${reason}`, HINT);
  }
}

function isRow(document: unknown): boolean {
  return typeof document === 'object' && document !== null && 'path' in document;
}
