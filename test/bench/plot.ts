import { MIB } from './files.js';
import { speed, type Row, type Table } from './report.js';

const WIDTH = 760;
const LABELS = 190;
const BAR = 18;
const FONT = 'font-family="system-ui, sans-serif"';

/** Horizontal bars of throughput, one panel a scenario, as SVG. */
export function plot(tables: readonly Table[]): string {
  const measured = ({ rows }: Table): number =>
    rows.filter((row) => row.failure === undefined).length;
  const shown = tables.filter((table) => table.size >= MIB && measured(table) > 1);
  const parts: string[] = [];
  let y = 10;
  for (const table of shown) {
    parts.push(panel(table, y));
    y += panelHeight(table);
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function panelHeight({ rows }: Table): number {
  return 44 + rows.filter((row) => row.failure === undefined).length * (BAR + 4);
}

function panel({ scenario, size, rows }: Table, top: number): string {
  const entries = rows.filter((row) => row.failure === undefined);
  const fastest = Math.min(...entries.map((row) => row.wallS));
  const scale = (WIDTH - LABELS - 90) * fastest;
  const bars = entries.map((row, index) =>
    bar(row, speed(size, row.wallS), scale / row.wallS, top + 26 + index * (BAR + 4)),
  );
  return [text(8, top + 14, `${scenario.title} (MB/s)`, 'font-weight="bold"'), ...bars].join('\n');
}

function bar({ name, ours }: Row, value: string, length: number, y: number): string {
  return [
    text(LABELS - 6, y + 13, name, 'text-anchor="end"'),
    `<rect x="${LABELS}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${ours ? '#006eff' : '#b8c4d0'}"/>`,
    text(LABELS + length + 5, y + 13, value),
  ].join('\n');
}

function text(x: number, y: number, content: string, more = ''): string {
  const safe = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x.toFixed(0)}" y="${y}" font-size="12" ${FONT} fill="#223" ${more}>${safe}</text>`;
}
