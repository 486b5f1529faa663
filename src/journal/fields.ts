import { digest } from './digest.js';

/** A JSON object that nobody has checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

const SCHEMA = 1;
const CHECKSUM_LENGTH = 8;

/** A record that is there and cannot be read: what it tells is not known, which is not nothing. */
export class DamagedRecord extends Error {
  override readonly name = 'DamagedRecord';
}

/**
 * Text of one record, a checksum before its JSON: dates become ISO 8601, `undefined` members vanish;
 * bigints are the caller's.
 */
export function formatRecord(record: object): string {
  const json = JSON.stringify({ v: SCHEMA, ...record });
  return checksumOf(json) + json;
}

/**
 * Reads one record with `read`; undefined where it is missing. Throws DamagedRecord where it is damaged
 * or of another schema. Records of earlier versions have no checksum.
 */
export function parseRecord<T>(text: string, read: (fields: Fields) => T): T;
export function parseRecord<T>(
  text: string | undefined,
  read: (fields: Fields) => T,
): T | undefined;
export function parseRecord<T>(
  text: string | undefined,
  read: (fields: Fields) => T,
): T | undefined {
  if (text === undefined) return undefined;
  const at = text.startsWith('{') ? 0 : CHECKSUM_LENGTH;
  const json = text.slice(at);
  try {
    if (at > 0 && !text.startsWith(checksumOf(json))) throw new TypeError('wrong checksum');
    const fields = fieldsOf(JSON.parse(json));
    if (fields['v'] !== SCHEMA) throw new TypeError('another schema');
    return read(fields);
  } catch (cause) {
    throw new DamagedRecord('a record is damaged', { cause });
  }
}

/** What `read` returns, or `otherwise` where it meets a damaged record. */
export function unlessDamaged<T, Otherwise>(read: () => T, otherwise: Otherwise): T | Otherwise {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    return otherwise;
  }
}

function checksumOf(json: string): string {
  return digest(json).slice(0, CHECKSUM_LENGTH);
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
