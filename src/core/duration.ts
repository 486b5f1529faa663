const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds from `500ms 30s 5m 1h30m 2d`; a bare 0 is allowed. Throws RangeError on anything else. */
export function parseDuration(text: string): number {
  const compact = text.trim().toLowerCase();
  if (compact === '0') return 0;
  const terms = [...compact.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (terms.length === 0 || terms.map((term) => term[0]).join('') !== compact) {
    throw new RangeError(`"${text}" is not a duration: write it as 500ms, 30s, 5m, 1h30m or 2d`);
  }
  const total = terms.reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit as string] as number),
    0,
  );
  return Math.round(total);
}

/** A duration for people: the two largest units that matter. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}s`;
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h${String(minutes % 60).padStart(2, '0')}m`;
  return `${Math.floor(hours / 24)}d${String(hours % 24).padStart(2, '0')}h`;
}
