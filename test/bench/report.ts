import { MIB } from './files.js';
import type { Scenario } from './scenarios.js';

/** One contender's medians in one scenario, or why there are none. */
export interface Row {
  readonly name: string;
  readonly ours: boolean;
  readonly failure?: string;
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakMemory: number;
  readonly connections: number;
  readonly cosRequests: number;
  readonly vodCalls: number;
  readonly note: string;
}

export interface Table {
  readonly scenario: Scenario;
  readonly size: number;
  readonly rows: readonly Row[];
  /** Why the scenario could not be run here. */
  readonly skipped?: string;
}

const HEADINGS = [
  ...['', 'seconds', 'MB/s', 'CPU s', 'peak MiB', 'connections'],
  ...['COS requests', 'VOD calls', ''],
];

/** A table in Markdown. */
export function tableText({ scenario, size, rows, skipped }: Table): string {
  const lines = [`## ${scenario.title}`, '', `${scenario.about}.`, ''];
  if (skipped !== undefined) return [...lines, `Not run: ${skipped}.`, ''].join('\n');
  lines.push(row(HEADINGS), row(HEADINGS.map((_, index) => (index % 8 === 0 ? '---' : '--:'))));
  for (const each of rows) lines.push(row(cells(each, size)));
  return [...lines, ''].join('\n');
}

function cells(entry: Row, size: number): readonly string[] {
  const name = entry.ours ? `**${entry.name}**` : entry.name;
  if (entry.failure !== undefined) return [name, '', '', '', '', '', '', '', entry.failure];
  return [
    name,
    entry.wallS.toFixed(2),
    speed(size, entry.wallS),
    entry.cpuS.toFixed(2),
    (entry.peakMemory / MIB).toFixed(0),
    String(entry.connections),
    String(entry.cosRequests),
    String(entry.vodCalls),
    entry.note,
  ];
}

export function speed(size: number, wallS: number): string {
  return (size / wallS / 1e6).toFixed(size / wallS < 1e7 ? 1 : 0);
}

function row(values: readonly string[]): string {
  return `| ${values.join(' | ')} |`;
}
