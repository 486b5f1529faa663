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

/** The same of a storage path: of `{dir}`, which may be absolute, empty or lead upwards, its names are taken. */
export function renderStoragePath(template: string, facts: TemplateFacts): string {
  return renderTemplate(template, { ...facts, path: stepsOf(facts.path).join('/') }).replace(
    /\/{2,}/g,
    '/',
  );
}

/** A storage path of a run whose version left out the steps that name nothing, as it was sent. */
export function cleanStoragePath(sent: string): string {
  return `/${stepsOf(sent).join('/')}`;
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((step) => !EMPTY_STEPS.has(step));
}

const EMPTY_STEPS: ReadonlySet<string> = new Set(['', '.', '..']);

/** The first step of a storage path that names nothing: the service or COS would rewrite it. */
export function emptyStep(storagePath: string): string | undefined {
  return storagePath
    .split('/')
    .slice(1)
    .find((step) => EMPTY_STEPS.has(step));
}

function localDate(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
