/** A JSON object that nobody has checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

const SCHEMA = 1;

/** Text of one record: dates become ISO 8601, `undefined` members vanish; bigints are the caller's. */
export function formatRecord(record: object): string {
  return JSON.stringify({ v: SCHEMA, ...record });
}

/** Reads one record with `read`; undefined where it is missing, damaged, or of another schema. */
export function parseRecord<T>(
  text: string | undefined,
  read: (fields: Fields) => T,
): T | undefined {
  if (text === undefined) return undefined;
  try {
    const fields = fieldsOf(JSON.parse(text));
    return fields['v'] === SCHEMA ? read(fields) : undefined;
  } catch {
    return undefined;
  }
}

export function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new TypeError('not an object');
  return value as Fields;
}

export function listOf(fields: Fields, name: string): Fields[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new TypeError(`${name} is not a list`);
  return value.map(fieldsOf);
}

export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is not text`);
  return value;
}

export function optionalTextOf(fields: Fields, name: string): string | undefined {
  return fields[name] === undefined ? undefined : textOf(fields, name);
}

export function textOrNullOf(fields: Fields, name: string): string | null {
  return fields[name] === null ? null : textOf(fields, name);
}

export function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number') throw new TypeError(`${name} is not a number`);
  return value;
}

export function dateOf(fields: Fields, name: string): Date {
  const date = new Date(textOf(fields, name));
  if (Number.isNaN(date.getTime())) throw new TypeError(`${name} is not a date`);
  return date;
}

export function bigintOf(fields: Fields, name: string): bigint {
  return BigInt(textOf(fields, name));
}
