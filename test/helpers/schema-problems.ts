/** A JSON Schema, or a part of one. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** What keeps a value from fitting: the part of JSON Schema that the product's schemas use; throws on a keyword that it does not know. */
export function schemaProblems(schema: Schema, value: unknown, root: Schema, at = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    const check = keywords[keyword];
    if (check === undefined) throw new Error(`unknown keyword ${keyword} at ${at}`);
    return check(rule as never, value, root, at);
  });
}

type Check = (rule: never, value: unknown, root: Schema, at: string) => string[];

const silent: Check = () => [];

const keywords: Readonly<Record<string, Check>> = {
  $schema: silent,
  $id: silent,
  $defs: silent,
  title: silent,
  description: silent,
  $ref(rule: string, value, root, at) {
    const name = rule.replace('#/$defs/', '');
    const target = (root['$defs'] as Record<string, Schema>)[name];
    if (target === undefined) throw new Error(`${rule} leads nowhere`);
    return schemaProblems(target, value, root, at);
  },
  type(rule: string | readonly string[], value, _root, at) {
    return [rule].flat().some((type) => isOfType(type, value)) ? [] : [`${at} is no ${rule}`];
  },
  const(rule: unknown, value, _root, at) {
    return rule === value ? [] : [`${at} is not ${rule}`];
  },
  enum(rule: readonly unknown[], value, _root, at) {
    return rule.includes(value) ? [] : [`${at} is none of ${rule}`];
  },
  minimum(rule: number, value, _root, at) {
    return typeof value !== 'number' || value >= rule ? [] : [`${at} is below ${rule}`];
  },
  pattern(rule: string, value, _root, at) {
    return typeof value !== 'string' || new RegExp(rule).test(value)
      ? []
      : [`${at} is not ${rule}`];
  },
  format(_rule: string, value, _root, at) {
    const isTime = typeof value !== 'string' || /^\d{4}-\d\d-\d\dT.*Z$/.test(value);
    return isTime ? [] : [`${at} is no time`];
  },
  required(rule: readonly string[], value, _root, at) {
    return rule
      .filter((key) => isOfType('object', value) && !(key in (value as object)))
      .map((key) => `${at}.${key} is missing`);
  },
  properties(rule: Record<string, Schema>, value, root, at) {
    return Object.entries(isOfType('object', value) ? (value as object) : {}).flatMap(
      ([key, inner]) =>
        rule[key] === undefined ? [] : schemaProblems(rule[key], inner, root, `${at}.${key}`),
    );
  },
  items(rule: Schema, value, root, at) {
    return (Array.isArray(value) ? value : []).flatMap((item, i) =>
      schemaProblems(rule, item, root, `${at}[${i}]`),
    );
  },
  allOf(rule: readonly Schema[], value, root, at) {
    return rule.flatMap((schema) => schemaProblems(schema, value, root, at));
  },
  anyOf(rule: readonly Schema[], value, root, at) {
    return matches(rule, value, root) >= 1 ? [] : [`${at} fits nothing`];
  },
  oneOf(rule: readonly Schema[], value, root, at) {
    return matches(rule, value, root) === 1 ? [] : [`${at} fits none or several`];
  },
};

function matches(schemas: readonly Schema[], value: unknown, root: Schema): number {
  return schemas.filter((schema) => schemaProblems(schema, value, root).length === 0).length;
}

function isOfType(type: string, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'object')
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}
