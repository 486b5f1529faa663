import { visible } from '../core/text.js';
import { decode, ListSyntaxError, MAX_ROW_SIZE, type RawRow, type RowReader } from './raw-rows.js';

const LINE_FEED = 10;
const QUOTE = 34;
const COMMA = 44;
const CELL = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y;

const QUOTE_HINT =
  'Put cells with commas, quotes or line breaks in quotes, and double their quotes.';
const HEADER_HINT = 'Begin with a line of column names, separated by commas, of which one is path.';

/** Reads RFC 4180: commas, quotes, line breaks in cells, CRLF or LF. The first row names the columns. */
export function createCsvReader(): RowReader {
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  let row = 0;
  let header: readonly string[] | undefined;

  function take(record: Buffer): RawRow[] {
    const begins = line;
    for (let at = record.indexOf(LINE_FEED); at !== -1; at = record.indexOf(LINE_FEED, at + 1)) {
      line += 1;
    }
    line += 1;
    const cells = splitCells(decode(record, begins).replace(/\r$/, ''), begins);
    if (cells.every((cell) => cell === '')) return [];
    if (header === undefined) {
      header = readHeader(cells, begins);
      return [];
    }
    row += 1;
    const where = `row ${row} (line ${begins})`;
    return [{ values: valuesOf(header, cells, where), row, line: begins }];
  }

  return {
    feed(bytes) {
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      const rows: RawRow[] = [];
      let start = 0;
      for (let end = endOfRecord(all, 0); end !== -1; end = endOfRecord(all, start)) {
        rows.push(...take(all.subarray(start, end)));
        start = end + 1;
      }
      rest = all.subarray(start);
      if (rest.length > MAX_ROW_SIZE) {
        const message = `line ${line}: the row is longer than 1 MiB, or a quote is not closed`;
        throw new ListSyntaxError(message, QUOTE_HINT);
      }
      return rows;
    },
    end: () => (rest.length === 0 ? [] : take(rest)),
  };
}

/** Where the line feed is that ends the record; -1 where it is not yet there. */
function endOfRecord(bytes: Buffer, start: number): number {
  let isQuoted = false;
  // At the start of a cell, and behind a closing quote: a doubled quote closes and opens again.
  let mayOpen = true;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isQuoted) {
      isQuoted = byte !== QUOTE;
      mayOpen = true;
    } else if (byte === LINE_FEED) {
      return at;
    } else {
      isQuoted = byte === QUOTE && mayOpen;
      mayOpen = byte === COMMA;
    }
  }
  return -1;
}

function splitCells(record: string, line: number): string[] {
  const cells: string[] = [];
  CELL.lastIndex = 0;
  for (;;) {
    const [, quoted, bare, separator] = CELL.exec(record) as RegExpExecArray;
    if (bare?.startsWith('"') === true) {
      const message = `line ${line}: cell ${cells.length + 1} has text behind its closing quote, or none`;
      throw new ListSyntaxError(message, QUOTE_HINT);
    }
    cells.push(bare ?? (quoted as string).replaceAll('""', '"'));
    if (separator === '') return cells;
  }
}

function readHeader(cells: readonly string[], line: number): string[] {
  const header = cells.map((cell) => cell.trim());
  const names = new Set<string>();
  const twice = header.find((name) => name !== '' && names.size === names.add(name).size);
  if (twice !== undefined) {
    const message = `line ${line}: the column ${visible(twice)} is there twice`;
    throw new ListSyntaxError(message, 'Rename or remove one of the two.');
  }
  if (!names.has('path')) {
    throw new ListSyntaxError(`line ${line}: no column is called path`, HEADER_HINT);
  }
  return header;
}

function valuesOf(
  header: readonly string[],
  cells: readonly string[],
  where: string,
): RawRow['values'] {
  if (cells.length !== header.length) {
    const message = `${where} has ${cells.length} cells, and the header ${header.length}`;
    throw new ListSyntaxError(message, QUOTE_HINT);
  }
  const nameless = header.findIndex((name, index) => name === '' && cells[index] !== '');
  if (nameless !== -1) {
    const message = `${where}: the column of cell ${nameless + 1} has no name`;
    throw new ListSyntaxError(message, 'Name the column in the first line.');
  }
  const named = header.map((name, index) => [name, cells[index]] as const);
  return Object.fromEntries(named.filter(([name]) => name !== ''));
}
