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

/** A member that may be missing, as what is to be spread into the record. */
export function optional<Name extends string, T>(
  fields: Fields,
  name: Name,
  read: (fields: Fields, name: Name) => T,
): { readonly [name in Name]?: T } {
  const found = fields[name] === undefined ? {} : { [name]: read(fields, name) };
  return found as { readonly [name in Name]?: T };
}

/** Reads a member that is an object itself. */
export function nested<T>(read: (fields: Fields) => T): (fields: Fields, name: string) => T {
  return (fields, name) => read(fieldsOf(fields[name]));
}

/** `Text`: what such text is called in the model. */
export function textOf<Text extends string = string>(fields: Fields, name: string): Text {
  const value = fields[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is not text`);
  return value as Text;
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
