import path from 'node:path';
import { extensionOf, stemOf } from './media-types.js';

/** What a template may refer to. */
export interface TemplateFacts {
  /** As shown to people. */
  readonly path: string;
  readonly absolute: string;
  /** The job's number in the order of the plan, from 1. */
  readonly index: number;
  readonly now: Date;
}

type Field = (facts: TemplateFacts) => string;

const FIELDS: Readonly<Record<string, Field>> = {
  stem: (facts) => stemOf(path.basename(facts.path)),
  name: (facts) => path.basename(facts.path),
  ext: (facts) => extensionOf(path.basename(facts.path)),
  dir: (facts) => path.dirname(facts.path).replace(/^\.$/, ''),
  parent: (facts) => path.basename(path.dirname(facts.absolute)),
  index: (facts) => String(facts.index),
  date: (facts) => localDate(facts.now),
};

export const KNOWN_FIELDS = Object.keys(FIELDS)
  .map((field) => `{${field}}`)
  .join(' ');

/** The `{…}` of a template that nobody knows. */
export function unknownFields(template: string): string[] {
  return [...template.matchAll(/\{([^{}]*)\}/g)]
    .filter((match) => !Object.hasOwn(FIELDS, match[1] as string))
    .map((match) => match[0]);
}

export function renderTemplate(template: string, facts: TemplateFacts): string {
  return template.replace(
    /\{([^{}]*)\}/g,
    (whole, field: string) => FIELDS[field]?.(facts) ?? whole,
  );
}

/** An absolute storage path without empty, `.` and `..` steps. */
export function cleanStoragePath(raw: string): string {
  const steps = raw.split('/');
  return '/' + steps.filter((step) => !['', '.', '..'].includes(step)).join('/');
}

function localDate(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
