import { MultiBar } from 'cli-progress';
import type { Output } from './reporter.js';
import { cellWidth } from './width.js';

const CLEAR_BELOW = '\x1b[J';
const WRAP_ON = '\x1b[?7h';
const WRAP_OFF = '\x1b[?7l';

export interface BarScreenOptions {
  readonly stream: Output;
  readonly columns: () => number;
}

/** A block of rows that is redrawn in place, with lines scrolling above it. */
export interface BarScreen {
  /** Puts a line above the rows, with the next drawing. */
  log(line: string): void;
  /** Draws the rows in the place of the last ones, if anything changed. */
  draw(rows: readonly string[]): void;
  /** Removes the rows, leaves the lines, gives the cursor back. */
  close(): void;
}

/** The bars of cli-progress as plain rows, each drawing in one write. */
export function createBarScreen({ stream, columns }: BarScreenOptions): BarScreen {
  let frame = '';
  let drawn: readonly string[] = [];
  let drawnColumns = columns();
  let isLogged = false;
  let isClearDue = false;
  const bars: ReturnType<MultiBar['create']>[] = [];
  const multi = createMultiBar(
    (text) => (frame += text),
    (row) => drawn[row] ?? '',
  );
  multi.on('redraw-pre', () => {
    if (isClearDue) frame += CLEAR_BELOW;
    isClearDue = false;
  });

  function flush(): void {
    if (frame !== '') stream.write(frame);
    frame = '';
  }

  function draw(rows: readonly string[]): void {
    const wide = columns();
    const isSame = rows.length === drawn.length && rows.every((row, at) => row === drawn[at]);
    if (isSame && !isLogged && wide === drawnColumns) return;
    if (wide !== drawnColumns) frame += climb(wrappedRows(drawn, wide));
    isClearDue = isLogged || wide !== drawnColumns;
    drawn = rows;
    drawnColumns = wide;
    while (bars.length > rows.length) multi.remove(bars.pop() as (typeof bars)[number]);
    while (bars.length < rows.length) bars.push(multi.create(1, 0, { row: bars.length }));
    multi.update();
    isLogged = false;
    flush();
  }

  return {
    log(line) {
      isLogged = true;
      multi.log(`${WRAP_ON}${line}${WRAP_OFF}\n`);
    },
    draw,
    close() {
      if (!multi.isActive) return;
      draw(drawn);
      multi.stop();
      flush();
    },
  };
}

function createMultiBar(write: (text: string) => void, rowAt: (row: number) => string): MultiBar {
  // The library's own trimming counts code units, not cells, so it gets all the width it wants.
  const stream = { isTTY: true, columns: Number.MAX_SAFE_INTEGER, write };
  const multi = new MultiBar({
    stream: stream as unknown as NodeJS.WritableStream,
    format: (_options, _params, { row }: { row: number }) => rowAt(row),
    hideCursor: true,
    clearOnComplete: true,
    forceRedraw: true,
    gracefulExit: false,
  });
  // Drawings come from the caller; the library's timer would keep the process alive.
  const stopClock = (): void => clearTimeout((multi as unknown as { timer: NodeJS.Timeout }).timer);
  multi.on('start', stopClock);
  multi.on('update-post', stopClock);
  return multi;
}

/** Terminals wrap what was drawn when they become narrower: so many rows the block has grown. */
function wrappedRows(rows: readonly string[], columns: number): number {
  return rows.reduce((sum, row) => sum + Math.max(1, Math.ceil(cellWidth(row) / columns)) - 1, 0);
}

function climb(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : '';
}
